package dev.sidecommit.client;

import com.google.protobuf.ByteString;

import java.nio.charset.StandardCharsets;

/** A header of a record. */
public final class Header {
    private final String name;
    private final byte[] value;

    /**
     * A header.
     *
     * @param name names may repeat
     * @param value null: Kafka's null
     */
    public Header(String name, byte[] value) {
        this.name = name;
        this.value = value;
    }

    static Header of(dev.sidecommit.v1.Header header) {
        return new Header(
                header.getName(), header.hasValue() ? header.getValue().toByteArray() : null);
    }

    dev.sidecommit.v1.Header proto() {
        var proto = dev.sidecommit.v1.Header.newBuilder().setName(name);
        if (value != null) {
            proto.setValue(ByteString.copyFrom(value));
        }
        return proto.build();
    }

    /**
     * Its name.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * Its value.
     *
     * @return the bytes; null: Kafka's null
     */
    public byte[] value() {
        return value;
    }

    /**
     * Its value as text.
     *
     * @return UTF-8, decoded; null: Kafka's null
     */
    public String text() {
        return value == null ? null : new String(value, StandardCharsets.UTF_8);
    }
}
