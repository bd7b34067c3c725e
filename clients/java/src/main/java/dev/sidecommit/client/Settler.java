package dev.sidecommit.client;

import dev.sidecommit.client.Handling.Blamed;
import dev.sidecommit.client.Handling.Results;
import dev.sidecommit.client.internal.Deliveries.Work;
import dev.sidecommit.v1.Delivery;
import dev.sidecommit.v1.DeliveryFailure;
import dev.sidecommit.v1.Reason;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Works on a delivery: calls the handler, and commits what it returns together with the delivery.
 */
final class Settler {
    /** What is larger goes as a transaction with a stream: Transact is one message. */
    private static final long TRANSACT_BYTES_MAX = 3 << 20;

    private static final System.Logger LOG = System.getLogger(Settler.class.getName());

    private final Sidecommit client;
    private final Handling handling;
    private final boolean hasDeadLetters;
    private final BooleanSupplier stopping;

    /** How it ended. */
    enum End {
        SETTLED,
        /** A failure was reported: it comes again, or is moved. */
        FAILED,
        /** Nothing is decided: it has to be given back. */
        ABORTED
    }

    Settler(
            Sidecommit client,
            Handling handling,
            boolean hasDeadLetters,
            BooleanSupplier stopping) {
        this.client = client;
        this.handling = handling;
        this.hasDeadLetters = hasDeadLetters;
        this.stopping = stopping;
    }

    /** What is thrown ends the processing. */
    End settle(Work work) {
        Delivery delivery = work.delivery();
        if (work.isGone()) {
            return End.ABORTED;
        }
        try {
            Results results = handling.of(delivery, client.connection().tracing());
            if (work.isGone()) {
                return End.ABORTED;
            }
            return results.bytes() > TRANSACT_BYTES_MAX
                    ? stream(delivery, results)
                    : transact(delivery, results);
        } catch (Blamed blamed) {
            LOG.log(System.Logger.Level.WARNING, "the handler failed", blamed.getCause());
            return work.isGone() ? End.ABORTED : report(delivery, blamed.failure);
        } catch (AbortedException | NeedsHumanException e) {
            return unlessSettled(e);
        }
    }

    private End transact(Delivery delivery, Results results) {
        String key = delivery.getDeliveryId();
        var options = TransactOptions.defaults().attempts(1).deliveryIds(List.of(key));
        var transact = Transact.settling(client, results.records(), key, options);
        try {
            untilKnown(() -> Waiting.join(transact.subject(), transact.start()));
            return End.SETTLED;
        } catch (BadRequestException refused) {
            return report(delivery, blame(delivery, results, refused));
        }
    }

    private End stream(Delivery delivery, Results results) {
        var options = TransactionOptions.defaults().requestId(delivery.getDeliveryId());
        try (Transaction transaction = client.begin(options)) {
            transaction.settle(delivery.getDeliveryId());
            try {
                results.records().forEach(transaction::produce);
                untilKnown(transaction::commit);
                return End.SETTLED;
            } catch (BadRequestException refused) {
                var failure = blame(delivery, results, refused);
                // It holds the delivery: nobody else could say this of it.
                transaction.abort(refused.getMessage(), List.of(failure), client.deadline());
                return End.FAILED;
            }
        } catch (DeadlineExceededException e) {
            return undecided(e);
        }
    }

    /** Tells why it failed, in a transaction that ends with that. */
    private End report(Delivery delivery, DeliveryFailure failure) {
        try (Transaction transaction = client.begin()) {
            transaction.settle(delivery.getDeliveryId());
            transaction.abort(failure.getMessage(), List.of(failure), client.deadline());
            return End.FAILED;
        } catch (AbortedException | NeedsHumanException e) {
            return unlessSettled(e);
        } catch (DeadlineExceededException e) {
            return undecided(e);
        }
    }

    /**
     * A record that the sidecar refuses is the failure of the record that it was made of. Without a
     * place for those: raised.
     */
    private DeliveryFailure blame(Delivery delivery, Results results, BadRequestException refused) {
        if (!hasDeadLetters || refused.recordIndex().isEmpty()) {
            throw refused;
        }
        int index = Math.toIntExact(refused.recordIndex().getAsLong());
        long offset = index < results.offsets().size() ? results.offsets().get(index) : -1;
        return Handling.failure(
                delivery,
                offset,
                false,
                refused.reason().name().replaceFirst("^REASON_", ""),
                refused.getMessage());
    }

    /**
     * A sidecar that is away longer than a deadline is no reason to end: only to end when asked to.
     */
    private <T> T untilKnown(Supplier<T> commit) {
        while (true) {
            try {
                return commit.get();
            } catch (DeadlineExceededException e) {
                if (stopping.getAsBoolean() || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            }
        }
    }

    /**
     * To give it back is right if its transaction is aborted; or if it is forgotten, as after a
     * lost journal: the offsets, which are in the same transaction, tell where to read on.
     */
    private static End unlessSettled(SidecommitException e) {
        if (e instanceof AbortedException || e.reason() == Reason.REASON_OUTCOME_FORGOTTEN) {
            return End.ABORTED;
        }
        throw e;
    }

    /** Commit was not asked, so it can be given back. */
    private End undecided(DeadlineExceededException e) {
        if (stopping.getAsBoolean()) {
            throw e;
        }
        return End.ABORTED;
    }
}
