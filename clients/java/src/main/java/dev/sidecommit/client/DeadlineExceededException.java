package dev.sidecommit.client;

import dev.sidecommit.client.internal.Refusal;

import java.util.Optional;

/**
 * There was no outcome within the deadline, or the waiting thread was interrupted. The call goes on
 * in the sidecar; repeat it, or ask.
 */
public final class DeadlineExceededException extends SidecommitException {
    private static final long serialVersionUID = 1;

    /** Whether it may have been committed. */
    private final boolean inDoubt;

    /** How to ask; null: there is nothing to ask for. */
    private final TransactionRef ask;

    DeadlineExceededException(
            String message,
            Refusal refusal,
            String transactionId,
            boolean inDoubt,
            TransactionRef ask) {
        super(message, refusal, transactionId);
        this.inDoubt = inDoubt;
        this.ask = ask;
    }

    /**
     * Whether the transaction may have been committed.
     *
     * @return true after Commit, Transact and Abort: never begin again before the outcome is known
     */
    public boolean inDoubt() {
        return inDoubt;
    }

    /**
     * How to ask for the outcome.
     *
     * @return what {@link Sidecommit#getOutcome(TransactionRef)} takes; empty if the call was about
     *     no transaction
     */
    public Optional<TransactionRef> ask() {
        return Optional.ofNullable(ask);
    }
}
