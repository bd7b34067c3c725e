package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.client.internal.Backoff;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.Record;
import dev.sidecommit.v1.TransactRequest;
import dev.sidecommit.v1.TransactResponse;
import dev.sidecommit.v1.TransactionServiceGrpc;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** One transact, and its repeats with the same key. */
final class Transact {
    private final Sidecommit client;
    private final TransactRequest first;
    private final Instant started = Instant.now();
    private final AtomicBoolean tried = new AtomicBoolean();
    private final int attempts;
    private final Duration deadline;
    private final Subject subject;

    private Transact(
            Sidecommit client,
            TransactRequest.Builder request,
            String key,
            TransactOptions options) {
        this.client = client;
        this.attempts = options.attempts();
        this.deadline = options.deadline().orElse(client.deadline());
        this.subject = new Subject("Transact", null, TransactionRef.idempotencyKey(key), true);
        this.first = request.setIdempotencyKey(key).build();
    }

    static Transact settling(
            Sidecommit client, List<Record> records, String key, TransactOptions options) {
        return new Transact(client, options.request().addAllRecords(records), key, options);
    }

    static Transact of(
            Sidecommit client, List<ProducerRecord> records, String key, TransactOptions options) {
        var request = options.request();
        records.forEach(record -> request.addRecords(record.proto()));
        return new Transact(client, request, key, options);
    }

    Subject subject() {
        return subject;
    }

    /** May be called again when it is late. */
    CompletableFuture<Outcome> start() {
        return attempt(1);
    }

    private CompletableFuture<Outcome> attempt(int number) {
        return client.caller()
                .call(subject, TransactionServiceGrpc.getTransactMethod(), deadline, n -> request())
                .thenApply(this::committed)
                .handle(
                        (outcome, error) ->
                                error == null
                                        ? CompletableFuture.completedStage(outcome)
                                        : failed(number, Waiting.cause(error)))
                .thenCompose(stage -> stage);
    }

    private TransactRequest request() {
        boolean repeat = tried.getAndSet(true);
        return !repeat || first.hasFirstAttemptTime()
                ? first
                : first.toBuilder().setFirstAttemptTime(Times.proto(started)).build();
    }

    private CompletionStage<Outcome> failed(int number, Throwable error) {
        boolean again =
                error instanceof Failure failure
                        && failure.refusal.action() == NextAction.NEXT_ACTION_BEGIN_AGAIN
                        && number < attempts;
        if (!again) {
            return CompletableFuture.failedStage(error);
        }
        Duration asked = ((Failure) error).refusal.retryAfter();
        Duration pause = asked != null ? asked : Backoff.after(number, ThreadLocalRandom.current());
        var clock =
                CompletableFuture.delayedExecutor(
                        pause.toNanos(), TimeUnit.NANOSECONDS, client.connection().clock());
        return CompletableFuture.supplyAsync(() -> attempt(number + 1), clock)
                .thenCompose(next -> next);
    }

    private Outcome committed(TransactResponse response) {
        long offsets = first.getDeliveryIdsCount();
        for (var group : first.getGroupOffsetsList()) {
            offsets += group.getOffsetsCount();
        }
        return Outcome.committed(
                response.getTransactionId(),
                first.getRecordsCount(),
                offsets,
                response.getRangesList());
    }
}
