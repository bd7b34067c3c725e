package dev.sidecommit.client;

import dev.sidecommit.client.internal.Refusal;
import dev.sidecommit.v1.Coordinate;
import dev.sidecommit.v1.LimitExceeded;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.Reason;

import io.grpc.Status;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The sidecar refused a call, or did not answer it in time. What to do is what its sub-class says.
 */
public abstract sealed class SidecommitException extends RuntimeException
        permits AbortedException,
                BadRequestException,
                NeedsHumanException,
                DeadlineExceededException {
    private static final long serialVersionUID = 1;

    /** What was told. */
    private final Refusal refusal;

    /** Null if there is none. */
    private final String transactionId;

    SidecommitException(String message, Refusal refusal, String transactionId) {
        super(message);
        this.refusal = refusal;
        this.transactionId = transactionId;
    }

    /**
     * Why the sidecar refused.
     *
     * @return the reason, {@code REASON_UNSPECIFIED} if it was not the sidecar that refused
     */
    public Reason reason() {
        return refusal.detail().getReason();
    }

    /**
     * What to do.
     *
     * @return the sidecar's word, or what gRPC's code means
     */
    public NextAction nextAction() {
        return refusal.action();
    }

    /**
     * gRPC's code.
     *
     * @return never OK
     */
    public Status.Code code() {
        return refusal.code();
    }

    /**
     * The record to blame.
     *
     * @return its index in the transaction, from 0 on
     */
    public OptionalLong recordIndex() {
        var detail = refusal.detail();
        return detail.hasRecordIndex()
                ? OptionalLong.of(detail.getRecordIndex())
                : OptionalLong.empty();
    }

    /**
     * How far the sidecar is.
     *
     * @return how many records of the transaction it has
     */
    public OptionalLong nextSequence() {
        var detail = refusal.detail();
        return detail.hasNextSequence()
                ? OptionalLong.of(detail.getNextSequence())
                : OptionalLong.empty();
    }

    /**
     * The limit that was run into.
     *
     * @return the setting to raise, its value, and what was asked for
     */
    public Optional<LimitExceeded> limit() {
        var detail = refusal.detail();
        return detail.hasLimit() ? Optional.of(detail.getLimit()) : Optional.empty();
    }

    /**
     * Where to look in Kafka when the outcome is unknown.
     *
     * @return a place in a log
     */
    public Optional<Coordinate> coordinate() {
        var detail = refusal.detail();
        return detail.hasCoordinate() ? Optional.of(detail.getCoordinate()) : Optional.empty();
    }

    Optional<Duration> retryAfter() {
        return Optional.ofNullable(refusal.retryAfter());
    }

    /**
     * The transaction.
     *
     * @return its id, if the call was about one that has an id
     */
    public Optional<String> transactionId() {
        return Optional.ofNullable(transactionId);
    }
}
