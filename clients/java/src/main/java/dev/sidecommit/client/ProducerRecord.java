package dev.sidecommit.client;

import com.google.protobuf.ByteString;

import dev.sidecommit.v1.Record;

import java.util.function.Function;

/**
 * A record to be written. Keys and values are bytes, or text, which becomes UTF-8; null and empty
 * differ: a record without a value is a tombstone.
 */
public final class ProducerRecord {
    private final Record proto;

    private ProducerRecord(Record proto) {
        this.proto = proto;
    }

    /**
     * A record of text.
     *
     * @param topic an existing topic
     * @param key null: none
     * @param value null: a tombstone
     * @return the record
     */
    public static ProducerRecord of(String topic, String key, String value) {
        return builder(topic).key(key).value(value).build();
    }

    /**
     * A record of bytes, which are copied.
     *
     * @param topic an existing topic
     * @param key null: none
     * @param value null: a tombstone
     * @return the record
     */
    public static ProducerRecord of(String topic, byte[] key, byte[] value) {
        return builder(topic).key(key).value(value).build();
    }

    /**
     * For a record with more than a key and a value.
     *
     * @param topic an existing topic
     * @return a builder
     */
    public static Builder builder(String topic) {
        return new Builder(topic);
    }

    /**
     * Its topic.
     *
     * @return the name
     */
    public String topic() {
        return proto.getTopic();
    }

    Record proto() {
        return proto;
    }

    @Override
    public String toString() {
        return "record to " + proto.getTopic() + ", " + proto.getSerializedSize() + " bytes";
    }

    /** Builds a record. */
    public static final class Builder {
        private final Record.Builder record;

        private Builder(String topic) {
            record = Record.newBuilder().setTopic(topic);
        }

        /**
         * The partition; unless it is named it is chosen by the key, as Kafka's producer does.
         *
         * @param partition from 0 on
         * @return this
         */
        public Builder partition(int partition) {
            record.setPartition(partition);
            return this;
        }

        /**
         * The key.
         *
         * @param key text; null: none
         * @return this
         */
        public Builder key(String key) {
            return key(key == null ? null : ByteString.copyFromUtf8(key));
        }

        /**
         * The key.
         *
         * @param key bytes, copied; null: none
         * @return this
         */
        public Builder key(byte[] key) {
            return key(key == null ? null : ByteString.copyFrom(key));
        }

        /**
         * The key.
         *
         * @param key bytes, not copied; null: none
         * @return this
         */
        public Builder key(ByteString key) {
            if (key == null) {
                record.clearKey();
            } else {
                record.setKey(key);
            }
            return this;
        }

        /**
         * The value.
         *
         * @param value text; null: a tombstone
         * @return this
         */
        public Builder value(String value) {
            return value(value == null ? null : ByteString.copyFromUtf8(value));
        }

        /**
         * The value.
         *
         * @param value bytes, copied; null: a tombstone
         * @return this
         */
        public Builder value(byte[] value) {
            return value(value == null ? null : ByteString.copyFrom(value));
        }

        /**
         * The value.
         *
         * @param value bytes, not copied; null: a tombstone
         * @return this
         */
        public Builder value(ByteString value) {
            if (value == null) {
                record.clearValue();
            } else {
                record.setValue(value);
            }
            return this;
        }

        /**
         * The value, by any function to bytes.
         *
         * @param value what to write; null: a tombstone
         * @param serializer e.g. {@code Order::toByteArray} or {@code Json::bytes}
         * @param <T> the value's type
         * @return this
         */
        public <T> Builder value(T value, Function<? super T, byte[]> serializer) {
            return value(value == null ? null : serializer.apply(value));
        }

        /**
         * Adds a header.
         *
         * @param name names may repeat
         * @param value text; null: Kafka's null
         * @return this
         */
        public Builder header(String name, String value) {
            return header(name, value == null ? null : ByteString.copyFromUtf8(value));
        }

        /**
         * Adds a header.
         *
         * @param name names may repeat
         * @param value bytes, copied; null: Kafka's null
         * @return this
         */
        public Builder header(String name, byte[] value) {
            return header(name, value == null ? null : ByteString.copyFrom(value));
        }

        /**
         * Adds headers, e.g. those of a record that was read.
         *
         * @param headers in order
         * @return this
         */
        public Builder headers(Iterable<Header> headers) {
            headers.forEach(header -> record.addHeaders(header.proto()));
            return this;
        }

        /**
         * The time; unless it is named it is when the sidecar accepts the record.
         *
         * @param timestampMs milliseconds since the Unix epoch
         * @return this
         */
        public Builder timestampMs(long timestampMs) {
            record.setTimestampMs(timestampMs);
            return this;
        }

        /**
         * The record.
         *
         * @return one that does not change any more
         */
        public ProducerRecord build() {
            return new ProducerRecord(record.build());
        }

        private Builder header(String name, ByteString value) {
            var header = record.addHeadersBuilder().setName(name);
            if (value != null) {
                header.setValue(value);
            }
            return this;
        }
    }
}
