package dev.sidecommit.client;

import dev.sidecommit.v1.GroupOffsets;
import dev.sidecommit.v1.TransactRequest;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** How {@link Sidecommit#transact} goes. Objects do not change: each method returns another one. */
public final class TransactOptions {
    private static final TransactOptions DEFAULTS =
            new TransactOptions(TransactRequest.getDefaultInstance(), 5, Optional.empty());

    private final TransactRequest request;
    private final int attempts;
    private final Optional<Duration> deadline;

    private TransactOptions(TransactRequest request, int attempts, Optional<Duration> deadline) {
        this.request = request;
        this.attempts = attempts;
        this.deadline = deadline;
    }

    /**
     * A first attempt; five attempts, the sidecar's timeout, the client's deadline.
     *
     * @return the defaults
     */
    public static TransactOptions defaults() {
        return DEFAULTS;
    }

    /**
     * When the key was first tried. For an application that repeats after its own restart; what the
     * client repeats itself it knows.
     *
     * @param time as the application kept it
     * @return other options
     */
    public TransactOptions firstAttemptTime(Instant time) {
        return with(request.toBuilder().setFirstAttemptTime(Times.proto(time)));
    }

    /**
     * Settles deliveries with the transaction.
     *
     * @param deliveryIds at most 10000
     * @return other options
     */
    public TransactOptions deliveryIds(Iterable<String> deliveryIds) {
        return with(request.toBuilder().addAllDeliveryIds(deliveryIds));
    }

    /**
     * Commits offsets of the application's own consumer with the transaction.
     *
     * @param offsets at most one entry per group
     * @return other options
     */
    public TransactOptions groupOffsets(GroupOffsets offsets) {
        return with(request.toBuilder().addGroupOffsets(offsets));
    }

    /**
     * How long the transaction may take.
     *
     * @param timeout at most the sidecar's {@code limits.max_timeout}
     * @return other options
     */
    public TransactOptions timeout(Duration timeout) {
        return with(request.toBuilder().setTimeout(Times.proto(timeout)));
    }

    /**
     * Transactions with the same key never overlap in Kafka, and are written in the order of their
     * commits.
     *
     * @param orderingKey at most 128 characters
     * @return other options
     */
    public TransactOptions orderingKey(String orderingKey) {
        return with(request.toBuilder().setOrderingKey(orderingKey));
    }

    /**
     * How often it is tried while it is aborted.
     *
     * @param attempts 1 or more
     * @return other options
     */
    public TransactOptions attempts(int attempts) {
        if (attempts < 1) {
            throw new IllegalArgumentException("attempts " + attempts + ": expected 1 or more");
        }
        return new TransactOptions(request, attempts, deadline);
    }

    /**
     * How long each attempt may wait for its outcome.
     *
     * @param deadline instead of the client's
     * @return other options
     */
    public TransactOptions deadline(Duration deadline) {
        return new TransactOptions(request, attempts, Optional.of(deadline));
    }

    private TransactOptions with(TransactRequest.Builder request) {
        return new TransactOptions(request.build(), attempts, deadline);
    }

    TransactRequest.Builder request() {
        return request.toBuilder();
    }

    int attempts() {
        return attempts;
    }

    Optional<Duration> deadline() {
        return deadline;
    }
}
