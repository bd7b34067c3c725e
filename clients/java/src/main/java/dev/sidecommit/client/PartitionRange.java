package dev.sidecommit.client;

/**
 * Where a transaction's records of one partition are. Records of others may lie between.
 *
 * @param topic the topic
 * @param partition the partition
 * @param firstOffset of the transaction's first record here; -1 if the broker did not tell
 * @param lastOffset of the transaction's last record here; -1 if the broker did not tell
 * @param count how many records of the transaction are in the partition
 */
public record PartitionRange(
        String topic, int partition, long firstOffset, long lastOffset, long count) {
    static PartitionRange of(dev.sidecommit.v1.PartitionRange range) {
        return new PartitionRange(
                range.getTopic(),
                range.getPartition(),
                range.getFirstOffset(),
                range.getLastOffset(),
                range.getCount());
    }
}
