package dev.sidecommit.client;

/**
 * For handlers: the record cannot succeed. It goes to the dead-letter topic without further
 * attempts.
 */
public final class RejectException extends RecordFailedException {
    private static final long serialVersionUID = 1;

    /**
     * The record that the handler was called for.
     *
     * @param message why; goes into the dead letter's headers
     */
    public RejectException(String message) {
        super(-1, message, null);
    }

    /**
     * The record that the handler was called for.
     *
     * @param message why; goes into the dead letter's headers
     * @param cause the exception that told
     */
    public RejectException(String message, Throwable cause) {
        super(-1, message, cause);
    }

    /**
     * One of the records that a batch handler was called for.
     *
     * @param record which
     * @param message why; goes into the dead letter's headers
     */
    public RejectException(ConsumerRecord record, String message) {
        super(record.offset(), message, null);
    }
}
