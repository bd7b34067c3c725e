package dev.sidecommit.client;

import dev.sidecommit.client.internal.Refusal;
import dev.sidecommit.v1.NextAction;

import io.grpc.Status;

/**
 * What failed futures have inside: what the exception is made of, in the thread that is told it.
 */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    final transient Refusal refusal;
    final transient Subject subject;
    private final boolean late;

    /**
     * What a call is about.
     *
     * @param what the call, for people
     * @param transactionId null if it is not known
     * @param ask null if it is about no transaction
     * @param decides whether it is Commit, Transact or Abort
     */
    record Subject(String what, String transactionId, TransactionRef ask, boolean decides) {
        static Subject of(String what) {
            return new Subject(what, null, null, false);
        }
    }

    private Failure(Subject subject, Refusal refusal, boolean late) {
        super(subject.what + ": " + refusal.message(), null, false, false);
        this.subject = subject;
        this.refusal = refusal;
        this.late = late;
    }

    static Failure refused(Subject subject, Refusal refusal) {
        return new Failure(subject, refusal, false);
    }

    /** The deadline is over. The last refusal tells why it took so long; null: there was none. */
    static Failure late(Subject subject, Refusal last) {
        String why = "no outcome within the deadline" + (last == null ? "" : ": " + last.message());
        var action =
                subject.decides
                        ? NextAction.NEXT_ACTION_ASK_OUTCOME
                        : NextAction.NEXT_ACTION_RETRY_SAME;
        return new Failure(
                subject, unanswered(Status.Code.DEADLINE_EXCEEDED, why, action, last), true);
    }

    static Failure interrupted(Subject subject) {
        var action =
                subject.decides
                        ? NextAction.NEXT_ACTION_ASK_OUTCOME
                        : NextAction.NEXT_ACTION_RETRY_SAME;
        return new Failure(
                subject,
                unanswered(Status.Code.CANCELLED, "interrupted while waiting", action, null),
                true);
    }

    private static Refusal unanswered(
            Status.Code code, String message, NextAction action, Refusal last) {
        var detail =
                last == null ? dev.sidecommit.v1.ErrorDetail.getDefaultInstance() : last.detail();
        return new Refusal(code, message, action, detail, null);
    }

    boolean isLate() {
        return late;
    }

    /** Made where it is thrown, so that its stack is the caller's. */
    SidecommitException exception() {
        String message = message();
        String id = subject.transactionId;
        if (late) {
            return new DeadlineExceededException(
                    message, refusal, id, subject.decides, subject.ask);
        }
        return switch (refusal.action()) {
            case NEXT_ACTION_BEGIN_AGAIN -> new AbortedException(message, refusal, id);
            case NEXT_ACTION_FIX_REQUEST -> new BadRequestException(message, refusal, id);
            default -> new NeedsHumanException(message, refusal, id);
        };
    }

    private String message() {
        String reason = refusal.detail().getReason().name().replaceFirst("^REASON_", "");
        boolean named = refusal.detail().getReasonValue() != 0 && !late;
        String doubt =
                late && subject.decides
                        ? "; it may have been committed: ask for the outcome of " + subject.ask
                        : "";
        return getMessage() + (named ? " (" + reason + ")" : "") + doubt;
    }
}
