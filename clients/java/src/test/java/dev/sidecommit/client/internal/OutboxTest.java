package dev.sidecommit.client.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sidecommit.v1.ProduceStreamRequest;
import dev.sidecommit.v1.Record;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class OutboxTest {
    private final Outbox outbox = new Outbox("tx");

    private void add(int count, int size) {
        for (int i = 0; i < count; i++) {
            outbox.add(
                    Record.newBuilder().setTopic("t").setTimestampMs(outbox.next()).build(), size);
        }
    }

    private List<ProduceStreamRequest> sent() {
        var sent = new ArrayList<ProduceStreamRequest>();
        for (var message = outbox.poll(); message != null; message = outbox.poll()) {
            sent.add(message);
        }
        return sent;
    }

    @Test
    void a_message_has_five_hundred_records() {
        add(1_100, 10);
        var sent = sent();
        assertEquals(
                List.of(500, 500),
                sent.stream().map(ProduceStreamRequest::getRecordsCount).toList());
        assertEquals(
                List.of(0L, 500L), sent.stream().map(ProduceStreamRequest::getSequence).toList());
        outbox.seal();
        assertEquals(100, outbox.poll().getRecordsCount());
        assertNull(outbox.poll());
    }

    @Test
    void a_message_has_a_quarter_of_a_mebibyte_unless_one_record_has_more() {
        add(3, 100 << 10);
        add(1, 1 << 20);
        add(1, 10);
        assertEquals(
                List.of(2, 1, 1),
                sent().stream().map(ProduceStreamRequest::getRecordsCount).toList());
    }

    @Test
    void each_message_names_the_transaction_as_it_may_be_a_streams_first() {
        add(1_000, 10);
        assertTrue(sent().stream().allMatch(message -> message.getTransactionId().equals("tx")));
    }

    @Test
    void the_window_is_full_with_five_thousand_records() {
        add(4_999, 10);
        assertTrue(outbox.hasRoom(10));
        add(1, 10);
        assertFalse(outbox.hasRoom(10));
        sent();
        outbox.ack(500);
        assertTrue(outbox.hasRoom(10));
    }

    @Test
    void the_window_is_full_with_four_mebibytes() {
        add(4, 1 << 20);
        assertFalse(outbox.hasRoom(1));
        sent();
        outbox.ack(1);
        assertTrue(outbox.hasRoom(1 << 20));
        assertFalse(outbox.hasRoom((1 << 20) + 1));
    }

    @Test
    void a_record_larger_than_the_window_goes_alone() {
        assertTrue(outbox.hasRoom(5 << 20));
        add(1, 5 << 20);
        assertFalse(outbox.hasRoom(1));
        sent();
        outbox.ack(1);
        assertTrue(outbox.hasRoom(5 << 20));
    }

    @Test
    void after_a_break_it_goes_on_after_what_was_acknowledged() {
        add(1_500, 10);
        sent();
        outbox.ack(700);
        outbox.rewind();
        assertEquals(
                List.of(500L, 1_000L),
                sent().stream().map(ProduceStreamRequest::getSequence).toList());
        assertEquals(700, outbox.acked());
    }

    @Test
    void after_a_break_what_was_not_sent_comes_after_what_was() {
        add(500, 10);
        outbox.poll();
        add(500, 10);
        outbox.rewind();
        assertEquals(
                List.of(0L, 500L), sent().stream().map(ProduceStreamRequest::getSequence).toList());
    }

    @Test
    void acknowledgements_only_grow_and_not_beyond_what_there_is() {
        add(500, 10);
        sent();
        outbox.ack(500);
        outbox.ack(20);
        assertEquals(500, outbox.acked());
        outbox.ack(9_000);
        assertEquals(500, outbox.acked());
    }
}
