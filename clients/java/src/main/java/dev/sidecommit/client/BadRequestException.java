package dev.sidecommit.client;

import dev.sidecommit.client.internal.Refusal;

/** The request is wrong, and the same would be refused again: correct it. */
public final class BadRequestException extends SidecommitException {
    private static final long serialVersionUID = 1;

    BadRequestException(String message, Refusal refusal, String transactionId) {
        super(message, refusal, transactionId);
    }
}
