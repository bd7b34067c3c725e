package dev.sidecommit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;

import dev.sidecommit.client.Handling.Blamed;
import dev.sidecommit.v1.ConsumedRecord;
import dev.sidecommit.v1.Delivery;
import dev.sidecommit.v1.DeliveryFailure;
import dev.sidecommit.v1.Header;
import dev.sidecommit.v1.Record;

import org.junit.jupiter.api.Test;

import java.util.List;

class HandlingTest {
    private static final List<Header> TRACE =
            List.of(
                    header(
                            "traceparent",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                    header("tracestate", "vendor=1"));

    private static Header header(String name, String value) {
        return Header.newBuilder().setName(name).setValue(ByteString.copyFromUtf8(value)).build();
    }

    private static Delivery delivery(String... values) {
        var delivery = Delivery.newBuilder().setDeliveryId("d").setTopic("in");
        for (int i = 0; i < values.length; i++) {
            delivery.addRecords(
                    ConsumedRecord.newBuilder()
                            .setOffset(100 + i)
                            .setValue(ByteString.copyFromUtf8(values[i])));
        }
        return delivery.build();
    }

    private static List<ProducerRecord> copies(ConsumerRecord record) {
        return switch (record.text()) {
            case "none" -> List.of();
            case "null" -> null;
            case "two" ->
                    List.of(
                            ProducerRecord.of("out", null, "1"),
                            ProducerRecord.of("out", null, "2"));
            case "bad" -> throw new IllegalStateException("it is bad");
            case "reject" -> throw new RejectException("never");
            default -> List.of(ProducerRecord.of("out", record.keyText(), record.text()));
        };
    }

    private static DeliveryFailure blamed(Handling handling, Delivery delivery) {
        return assertThrows(Blamed.class, () -> handling.of(delivery, Tracing.NONE)).failure;
    }

    @Test
    void each_result_knows_the_record_it_was_made_of() throws Exception {
        var results =
                Handling.each(HandlingTest::copies)
                        .of(delivery("one", "none", "two", "null"), Tracing.NONE);
        assertEquals(List.of(100L, 102L, 102L), results.offsets());
        assertEquals(3, results.records().size());
    }

    /** The headers of what is made of a record with a trace and of one without. */
    private static List<List<Header>> traced(Handling handling) throws Blamed {
        var delivery = delivery("one", "other").toBuilder();
        delivery.getRecordsBuilder(0).addAllHeaders(TRACE).addHeaders(header("other", "o"));
        return handling.of(delivery.build(), Tracing.detect()).records().stream()
                .map(Record::getHeadersList)
                .toList();
    }

    @Test
    void what_is_made_of_a_record_goes_on_with_its_trace() throws Exception {
        assertEquals(List.of(TRACE, List.of()), traced(Handling.each(HandlingTest::copies)));
    }

    @Test
    void unless_it_has_one_of_its_own() throws Exception {
        var made = ProducerRecord.builder("out").header("traceparent", "own").build();
        var own = List.of(header("traceparent", "own"));
        assertEquals(List.of(own, own), traced(Handling.each(record -> List.of(made))));
    }

    @Test
    void a_batch_has_no_trace_to_go_on_with() throws Exception {
        var batch =
                Handling.batch(
                        records -> records.stream().flatMap(r -> copies(r).stream()).toList());
        assertEquals(List.of(List.of(), List.of()), traced(batch));
    }

    @Test
    void an_exception_is_the_failure_of_its_record() {
        var failure = blamed(Handling.each(HandlingTest::copies), delivery("one", "bad"));
        assertEquals(101, failure.getOffset());
        assertEquals("java.lang.IllegalStateException", failure.getErrorClass());
        assertEquals("it is bad", failure.getMessage());
        assertTrue(failure.getRetryable());
        assertEquals("d", failure.getDeliveryId());
    }

    @Test
    void a_rejected_record_is_not_tried_again() {
        var failure = blamed(Handling.each(HandlingTest::copies), delivery("reject"));
        assertEquals(100, failure.getOffset());
        assertFalse(failure.getRetryable());
    }

    @Test
    void an_exception_of_a_batch_blames_nobody_in_particular() {
        var failure =
                blamed(Handling.batch(records -> copies(records.get(1))), delivery("one", "bad"));
        assertFalse(failure.hasOffset());
        assertTrue(failure.getRetryable());
    }

    @Test
    void but_the_only_record_and_one_that_is_named() {
        assertEquals(
                100,
                blamed(Handling.batch(records -> copies(records.get(0))), delivery("bad"))
                        .getOffset());
        Handling naming =
                Handling.batch(
                        records -> {
                            throw new RecordFailedException(
                                    records.get(1), new IllegalStateException());
                        });
        assertEquals(101, blamed(naming, delivery("one", "two")).getOffset());
        Handling rejecting =
                Handling.batch(
                        records -> {
                            throw new RejectException(records.get(1), "no");
                        });
        var failure = blamed(rejecting, delivery("one", "two"));
        assertEquals(101, failure.getOffset());
        assertFalse(failure.getRetryable());
    }

    @Test
    void a_machine_out_of_memory_is_not_the_records_doing() {
        Handling broken =
                Handling.each(
                        record -> {
                            throw new OutOfMemoryError("so it says");
                        });
        assertThrows(OutOfMemoryError.class, () -> broken.of(delivery("one"), Tracing.NONE));
    }
}
