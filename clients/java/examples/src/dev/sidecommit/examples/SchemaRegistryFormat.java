package dev.sidecommit.examples;

import dev.sidecommit.client.Json;
import dev.sidecommit.client.ProducerRecord;
import dev.sidecommit.client.Sidecommit;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;

/**
 * The wire format of schema registries: a zero byte, the schema's id in four bytes, the payload.
 * Consumers with a registry's deserializer read what this writes. Where there is a serializer of
 * the registry's own, e.g. KafkaAvroSerializer, its bytes go into a record as they are.
 */
public final class SchemaRegistryFormat {
    private static final byte MAGIC = 0;
    private static final int HEADER_BYTES = 1 + Integer.BYTES;

    private SchemaRegistryFormat() {}

    public static void main(String[] args) {
        // As the registry gave it when the schema of the topic's values was registered.
        int schemaId = args.length > 0 ? Integer.parseInt(args[0]) : 1;
        try (Sidecommit client = Sidecommit.connect()) {
            byte[] value = frame(schemaId, Json.bytes(Map.of("amount", 10)));
            var committed =
                    client.run(
                            transaction ->
                                    transaction.produce(
                                            ProducerRecord.builder("payments")
                                                    .key("alice")
                                                    .value(value)
                                                    .build()));
            System.out.println("committed " + committed.ranges());
            System.out.println(Json.value(payload(value), Map.class));
        }
    }

    private static byte[] frame(int schemaId, byte[] payload) {
        return ByteBuffer.allocate(HEADER_BYTES + payload.length)
                .put(MAGIC)
                .putInt(schemaId)
                .put(payload)
                .array();
    }

    private static byte[] payload(byte[] framed) {
        if (framed.length < HEADER_BYTES || framed[0] != MAGIC) {
            throw new IllegalArgumentException("not in the wire format of a schema registry");
        }
        return Arrays.copyOfRange(framed, HEADER_BYTES, framed.length);
    }
}
