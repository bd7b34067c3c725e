package dev.sidecommit.client;

import dev.sidecommit.v1.ConsumedRecord;

import java.util.List;

/** A record that was delivered. */
public final class ConsumerRecord {
    private final TopicPartition partition;
    private final ConsumedRecord proto;

    ConsumerRecord(TopicPartition partition, ConsumedRecord proto) {
        this.partition = partition;
        this.proto = proto;
    }

    /**
     * Any function from bytes.
     *
     * @param <T> what it makes
     * @param <E> what it throws
     */
    @FunctionalInterface
    public interface Deserializer<T, E extends Exception> {
        /**
         * Decodes.
         *
         * @param bytes not null
         * @return the value
         * @throws E if they are not what was expected
         */
        T deserialize(byte[] bytes) throws E;
    }

    /**
     * Where it was read.
     *
     * @return the topic
     */
    public String topic() {
        return partition.topic();
    }

    /**
     * Where it was read.
     *
     * @return the partition, from 0 on
     */
    public int partition() {
        return partition.partition();
    }

    /**
     * Its place in the partition.
     *
     * @return from 0 on
     */
    public long offset() {
        return proto.getOffset();
    }

    /**
     * When it was made, or appended.
     *
     * @return milliseconds since the Unix epoch; -1: its topic has none
     */
    public long timestampMs() {
        return proto.getTimestampMs();
    }

    /**
     * Its key.
     *
     * @return a copy of the bytes; null: none
     */
    public byte[] key() {
        return proto.hasKey() ? proto.getKey().toByteArray() : null;
    }

    /**
     * Its key as text.
     *
     * @return UTF-8, decoded; null: none
     */
    public String keyText() {
        return proto.hasKey() ? proto.getKey().toStringUtf8() : null;
    }

    /**
     * Its value.
     *
     * @return a copy of the bytes; null: a tombstone
     */
    public byte[] value() {
        return proto.hasValue() ? proto.getValue().toByteArray() : null;
    }

    /**
     * Its value as text.
     *
     * @return UTF-8, decoded; null: a tombstone
     */
    public String text() {
        return proto.hasValue() ? proto.getValue().toStringUtf8() : null;
    }

    /**
     * Its value as JSON, by Jackson, which has to be there.
     *
     * @param type what to make of it
     * @param <T> its type
     * @return the value; null: a tombstone
     */
    public <T> T json(Class<T> type) {
        return proto.hasValue() ? Json.value(proto.getValue().toByteArray(), type) : null;
    }

    /**
     * Its value, by any function from bytes.
     *
     * @param deserializer e.g. {@code Order::parseFrom}
     * @param <T> what it makes
     * @param <E> what it throws
     * @return the value; null: a tombstone
     * @throws E if the bytes are not what was expected
     */
    public <T, E extends Exception> T value(Deserializer<T, E> deserializer) throws E {
        return proto.hasValue() ? deserializer.deserialize(proto.getValue().toByteArray()) : null;
    }

    /**
     * Its headers.
     *
     * @return in order; names may repeat
     */
    public List<Header> headers() {
        return proto.getHeadersList().stream().map(Header::of).toList();
    }

    /**
     * How often it was tried.
     *
     * @return 1 at first, and one more for each attempt that failed
     */
    public int attempt() {
        return proto.getAttempt();
    }

    /**
     * Names the record for ever, whoever reads it however often: for effects outside Kafka.
     *
     * @return at most 128 characters
     */
    public String idempotencyKey() {
        return proto.getIdempotencyKey();
    }

    @Override
    public String toString() {
        return partition.topic() + "/" + partition.partition() + " at " + proto.getOffset();
    }
}
