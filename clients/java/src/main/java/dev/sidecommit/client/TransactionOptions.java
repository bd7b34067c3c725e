package dev.sidecommit.client;

import dev.sidecommit.v1.BeginRequest;

import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/** How a transaction begins. Objects do not change: each method returns another one. */
public final class TransactionOptions {
    private static final TransactionOptions DEFAULTS =
            new TransactionOptions(BeginRequest.getDefaultInstance(), Optional.empty());

    private final BeginRequest begin;
    private final Optional<Duration> deadline;

    private TransactionOptions(BeginRequest begin, Optional<Duration> deadline) {
        this.begin = begin;
        this.deadline = deadline;
    }

    /**
     * A random request id, the sidecar's timeout, no label, no ordering, the client's deadline.
     *
     * @return the defaults
     */
    public static TransactionOptions defaults() {
        return DEFAULTS;
    }

    /**
     * The application's own name for the transaction. A begin with the name of an open one finds
     * that one.
     *
     * @param requestId 1 to 128 characters
     * @return other options
     */
    public TransactionOptions requestId(String requestId) {
        return new TransactionOptions(begin.toBuilder().setRequestId(requestId).build(), deadline);
    }

    /**
     * How long the transaction may take until its commit.
     *
     * @param timeout at most the sidecar's {@code limits.max_timeout}
     * @return other options
     */
    public TransactionOptions timeout(Duration timeout) {
        return new TransactionOptions(
                begin.toBuilder().setTimeout(Times.proto(timeout)).build(), deadline);
    }

    /**
     * For people who look at open transactions.
     *
     * @param label at most 128 characters
     * @return other options
     */
    public TransactionOptions label(String label) {
        return new TransactionOptions(begin.toBuilder().setLabel(label).build(), deadline);
    }

    /**
     * Transactions with the same key never overlap in Kafka, and are written in the order of their
     * commits.
     *
     * @param orderingKey at most 128 characters
     * @return other options
     */
    public TransactionOptions orderingKey(String orderingKey) {
        return new TransactionOptions(
                begin.toBuilder().setOrderingKey(orderingKey).build(), deadline);
    }

    /**
     * How long each of the transaction's calls may wait for its outcome.
     *
     * @param deadline instead of the client's
     * @return other options
     */
    public TransactionOptions deadline(Duration deadline) {
        return new TransactionOptions(begin, Optional.of(deadline));
    }

    BeginRequest begin() {
        return begin.getRequestId().isEmpty()
                ? begin.toBuilder().setRequestId(UUID.randomUUID().toString()).build()
                : begin;
    }

    Optional<Duration> deadline() {
        return deadline;
    }
}
