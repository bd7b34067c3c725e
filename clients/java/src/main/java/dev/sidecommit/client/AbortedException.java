package dev.sidecommit.client;

import dev.sidecommit.client.internal.Refusal;

/**
 * The transaction is over and nothing of it is visible: begin again. {@link Sidecommit#run} does.
 */
public final class AbortedException extends SidecommitException {
    private static final long serialVersionUID = 1;

    AbortedException(String message, Refusal refusal, String transactionId) {
        super(message, refusal, transactionId);
    }
}
