package dev.sidecommit.client.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sidecommit.client.internal.Deliveries.Told;
import dev.sidecommit.v1.Delivery;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;

class DeliveriesTest {
    private final Deliveries deliveries = new Deliveries(2);

    @BeforeEach
    void begin() {
        deliveries.sessionStarted(false);
        assertEquals(2, deliveries.credit());
    }

    private Told told(String id) {
        return deliveries.told(Delivery.newBuilder().setDeliveryId(id).build());
    }

    @Test
    void credit_is_said_once_and_again_for_what_is_done() {
        assertEquals(0, deliveries.credit());
        told("a");
        var work = deliveries.next();
        assertEquals(0, deliveries.credit());
        deliveries.done(work, true);
        assertEquals(1, deliveries.credit());
        assertEquals(0, deliveries.credit());
    }

    @Test
    void no_more_are_worked_on_than_wanted() {
        told("a");
        told("b");
        told("c");
        var a = deliveries.next();
        assertEquals("b", deliveries.next().delivery().getDeliveryId());
        assertNull(deliveries.next());
        deliveries.done(a, true);
        assertEquals("c", deliveries.next().delivery().getDeliveryId());
    }

    @Test
    void what_a_resumed_stream_is_told_again_is_worked_on_once() {
        told("a");
        told("b");
        deliveries.next();
        deliveries.sessionStarted(true);
        assertEquals(Told.KNOWN, told("a"));
        assertEquals(Told.KNOWN, told("b"));
        assertEquals(0, deliveries.credit());
    }

    @Test
    void a_resumed_stream_begins_without_credit() {
        told("a");
        deliveries.next();
        deliveries.sessionStarted(true);
        assertEquals(1, deliveries.credit());
    }

    @Test
    void what_was_settled_is_known_and_what_was_not_is_unwanted() {
        told("a");
        deliveries.done(deliveries.next(), true);
        told("b");
        deliveries.done(deliveries.next(), false);
        deliveries.sessionStarted(true);
        assertEquals(Told.KNOWN, told("a"));
        assertEquals(Told.UNWANTED, told("b"));
        assertNull(deliveries.next());
    }

    @Test
    void what_is_revoked_is_not_begun_and_not_settled() {
        told("a");
        told("b");
        var a = deliveries.next();
        deliveries.revoked(List.of("a", "b", "c"));
        assertTrue(a.isGone());
        assertNull(deliveries.next());
        assertFalse(deliveries.isIdle());
        assertEquals(1, deliveries.credit());
    }

    @Test
    void with_another_session_all_is_void() {
        told("a");
        told("b");
        var a = deliveries.next();
        deliveries.sessionStarted(false);
        assertTrue(a.isGone());
        assertNull(deliveries.next());
        deliveries.done(a, false);
        assertTrue(deliveries.isIdle());
    }

    @Test
    void withheld_credit_is_said_later() {
        told("a");
        deliveries.done(deliveries.next(), false);
        deliveries.withhold();
        assertEquals(0, deliveries.credit());
        deliveries.release();
        assertEquals(1, deliveries.credit());
    }

    @Test
    void what_nobody_works_on_can_be_dropped() {
        told("a");
        told("b");
        deliveries.next();
        deliveries.dropQueued();
        assertTrue(deliveries.isWorkedOn("a"));
        assertFalse(deliveries.isWorkedOn("b"));
        assertNull(deliveries.next());
        assertEquals("b", deliveries.last().orElseThrow());
    }
}
