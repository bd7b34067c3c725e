package dev.sidecommit.client;

import dev.sidecommit.client.internal.Refusal;

/** Neither repeating nor beginning again helps: a person has to look. */
public final class NeedsHumanException extends SidecommitException {
    private static final long serialVersionUID = 1;

    NeedsHumanException(String message, Refusal refusal, String transactionId) {
        super(message, refusal, transactionId);
    }
}
