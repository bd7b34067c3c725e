package dev.sidecommit.client;

import java.util.OptionalLong;

/**
 * For handlers: a record could not be processed. It is tried again, as any other exception would
 * have it; this one says which it is.
 */
public class RecordFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Of the record; negative: not known. */
    private final long offset;

    /**
     * A certain record has failed.
     *
     * @param record which of the delivery's
     * @param cause why
     */
    public RecordFailedException(ConsumerRecord record, Throwable cause) {
        this(record.offset(), String.valueOf(cause), cause);
    }

    RecordFailedException(long offset, String message, Throwable cause) {
        super(message, cause);
        this.offset = offset;
    }

    /**
     * Which record.
     *
     * @return its offset, if it is known
     */
    public OptionalLong offset() {
        return offset < 0 ? OptionalLong.empty() : OptionalLong.of(offset);
    }
}
