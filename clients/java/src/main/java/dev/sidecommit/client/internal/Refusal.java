package dev.sidecommit.client.internal;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;

import dev.sidecommit.v1.ErrorDetail;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.Reason;

import io.grpc.Status;
import io.grpc.protobuf.StatusProto;

import java.io.Serializable;
import java.time.Duration;

/**
 * Why a call was refused.
 *
 * @param action what to do; always one that is known
 * @param detail the sidecar's, or an empty one if a gRPC library made the status
 * @param retryAfter what the sidecar asks to wait before a repeat; null if it does not
 */
public record Refusal(
        Status.Code code,
        String message,
        NextAction action,
        ErrorDetail detail,
        Duration retryAfter)
        implements Serializable {

    /**
     * What a failed call means.
     *
     * @param decides whether the call is Commit, Transact or Abort: without an answer its outcome
     *     is in doubt
     */
    public static Refusal of(Throwable error, boolean decides) {
        Status status = Status.fromThrowable(error);
        ErrorDetail detail = null;
        Duration retryAfter = null;
        com.google.rpc.Status details = StatusProto.fromThrowable(error);
        if (details != null) {
            for (Any packed : details.getDetailsList()) {
                try {
                    if (packed.is(ErrorDetail.class)) {
                        detail = packed.unpack(ErrorDetail.class);
                    } else if (packed.is(RetryInfo.class)) {
                        var delay = packed.unpack(RetryInfo.class).getRetryDelay();
                        retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
                    }
                } catch (InvalidProtocolBufferException e) {
                    // Not what its type says: as a status without it.
                    detail = null;
                }
            }
        }
        NextAction action = detail == null ? byCode(status.getCode(), decides) : known(detail);
        String message =
                status.getDescription() == null ? status.getCode().name() : status.getDescription();
        if (detail == null && status.getCause() != null) {
            message += ": " + status.getCause();
        }
        return new Refusal(
                status.getCode(),
                message,
                action,
                detail == null ? ErrorDetail.getDefaultInstance() : detail,
                retryAfter);
    }

    /** The same in other words. */
    public Refusal saying(String words) {
        return new Refusal(code, words, action, detail, retryAfter);
    }

    /** Whether the transaction that the call was about is over, and nothing of it visible. */
    public boolean isOver() {
        return action == NextAction.NEXT_ACTION_BEGIN_AGAIN || code == Status.Code.ABORTED;
    }

    /** The sidecar says what to do; what it says in words that we do not know is RETRY_SAME. */
    private static NextAction known(ErrorDetail detail) {
        boolean unknown =
                detail.getReason() == Reason.UNRECOGNIZED
                        || detail.getNextAction() == NextAction.UNRECOGNIZED
                        || detail.getNextAction() == NextAction.NEXT_ACTION_UNSPECIFIED;
        return unknown ? NextAction.NEXT_ACTION_RETRY_SAME : detail.getNextAction();
    }

    /** A gRPC library made the status: error.proto has the table. */
    private static NextAction byCode(Status.Code code, boolean decides) {
        return switch (code) {
            case OUT_OF_RANGE, UNIMPLEMENTED, RESOURCE_EXHAUSTED ->
                    NextAction.NEXT_ACTION_FIX_REQUEST;
            default ->
                    decides
                            ? NextAction.NEXT_ACTION_ASK_OUTCOME
                            : NextAction.NEXT_ACTION_RETRY_SAME;
        };
    }
}
