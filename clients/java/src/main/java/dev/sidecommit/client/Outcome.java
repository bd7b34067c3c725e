package dev.sidecommit.client;

import dev.sidecommit.v1.Reason;
import dev.sidecommit.v1.TransactionState;

import java.util.List;

/**
 * What became of a transaction.
 *
 * @param transactionId its id
 * @param state COMMITTED, ABORTED or UNKNOWN, or, of {@link Sidecommit#getOutcome(TransactionRef,
 *     boolean)} without waiting, one before
 * @param reason why it was aborted or why its outcome is unknown; {@code REASON_UNSPECIFIED}
 *     otherwise
 * @param recordCount how many records it has
 * @param offsetsCount how many offsets, of groups and partitions, it has
 * @param ranges where its records are, sorted by topic and partition; empty if only the fact is
 *     known
 */
public record Outcome(
        String transactionId,
        TransactionState state,
        Reason reason,
        long recordCount,
        long offsetsCount,
        List<PartitionRange> ranges) {

    static Outcome committed(
            String transactionId,
            long records,
            long offsets,
            List<dev.sidecommit.v1.PartitionRange> ranges) {
        return new Outcome(
                transactionId,
                TransactionState.TRANSACTION_STATE_COMMITTED,
                Reason.REASON_UNSPECIFIED,
                records,
                offsets,
                ranges.stream().map(PartitionRange::of).toList());
    }

    static Outcome aborted(String transactionId, long records, long offsets) {
        return new Outcome(
                transactionId,
                TransactionState.TRANSACTION_STATE_ABORTED,
                Reason.REASON_ABORTED_BY_CALLER,
                records,
                offsets,
                List.of());
    }

    static Outcome of(dev.sidecommit.v1.Transaction transaction) {
        return new Outcome(
                transaction.getTransactionId(),
                transaction.getState(),
                transaction.getReason(),
                transaction.getRecordCount(),
                transaction.getOffsetsCount(),
                transaction.getRangesList().stream().map(PartitionRange::of).toList());
    }

    /**
     * Whether readers see it.
     *
     * @return true if all of it is visible to read_committed readers, for good
     */
    public boolean isCommitted() {
        return state == TransactionState.TRANSACTION_STATE_COMMITTED;
    }
}
