package dev.sidecommit.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;

import dev.sidecommit.v1.ConsumedRecord;
import dev.sidecommit.v1.Header;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

class RecordsTest {
    private static ConsumerRecord read(ConsumedRecord.Builder record) {
        return new ConsumerRecord(new TopicPartition("t", 2), record.build());
    }

    @Test
    void absent_and_empty_differ() {
        var tombstone = ProducerRecord.of("t", "k", null).proto();
        assertFalse(tombstone.hasValue());
        var empty = ProducerRecord.of("t", new byte[0], new byte[0]).proto();
        assertTrue(empty.hasKey() && empty.hasValue());
        assertNull(read(ConsumedRecord.newBuilder()).value());
        assertNull(read(ConsumedRecord.newBuilder()).text());
        assertEquals("", read(ConsumedRecord.newBuilder().setValue(ByteString.EMPTY)).text());
    }

    @Test
    void the_applications_array_stays_its_own() {
        byte[] value = {1};
        var record = ProducerRecord.of("t", null, value);
        value[0] = 2;
        assertArrayEquals(new byte[] {1}, record.proto().getValue().toByteArray());
    }

    @Test
    void headers_of_a_record_that_was_read_can_be_written() {
        var read =
                read(
                        ConsumedRecord.newBuilder()
                                .addHeaders(
                                        Header.newBuilder()
                                                .setName("a")
                                                .setValue(ByteString.copyFromUtf8("1")))
                                .addHeaders(Header.newBuilder().setName("null")));
        var written =
                ProducerRecord.builder("t")
                        .headers(read.headers())
                        .header("b", "2")
                        .build()
                        .proto();
        assertEquals(
                List.of("a", "null", "b"),
                written.getHeadersList().stream().map(Header::getName).toList());
        assertFalse(written.getHeaders(1).hasValue());
        assertEquals("2", written.getHeaders(2).getValue().toStringUtf8());
    }

    @Test
    void values_by_any_function() {
        var json = ProducerRecord.builder("t").value(Map.of("amount", 10), Json::bytes).build();
        assertEquals("{\"amount\":10}", json.proto().getValue().toStringUtf8());
        var read = read(ConsumedRecord.newBuilder().setValue(json.proto().getValue()));
        assertEquals(Map.of("amount", 10), read.json(Map.class));
        assertEquals(13, (int) read.value(bytes -> bytes.length));
        assertNull(read(ConsumedRecord.newBuilder()).json(Map.class));
    }
}
