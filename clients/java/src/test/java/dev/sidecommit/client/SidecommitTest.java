package dev.sidecommit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sidecommit.v1.AbortRequest;
import dev.sidecommit.v1.BeginRequest;
import dev.sidecommit.v1.CommitRequest;
import dev.sidecommit.v1.ErrorDetail;
import dev.sidecommit.v1.GetServerInfoRequest;
import dev.sidecommit.v1.KeepAliveRequest;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.ProduceStreamRequest;
import dev.sidecommit.v1.Reason;
import dev.sidecommit.v1.TransactRequest;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;

@Timeout(30)
class SidecommitTest {
    private static final List<ProducerRecord> ONE = List.of(ProducerRecord.of("t", "k", "v"));

    private FakeSidecar sidecar;
    private Sidecommit client;

    @BeforeEach
    void connect() throws Exception {
        sidecar = new FakeSidecar();
        client = Sidecommit.connect(sidecar.address());
    }

    @AfterEach
    void close() {
        client.close();
        sidecar.close();
    }

    private static StatusRuntimeException again() {
        return FakeSidecar.refusal(
                Status.Code.UNAVAILABLE,
                Reason.REASON_KAFKA_UNREACHABLE,
                NextAction.NEXT_ACTION_RETRY_SAME);
    }

    private static StatusRuntimeException aborted() {
        return FakeSidecar.refusal(
                Status.Code.ABORTED, Reason.REASON_DRAINED, NextAction.NEXT_ACTION_BEGIN_AGAIN);
    }

    private static StatusRuntimeException wrong() {
        return FakeSidecar.refusal(
                Status.Code.INVALID_ARGUMENT,
                Reason.REASON_UNKNOWN_TOPIC,
                NextAction.NEXT_ACTION_FIX_REQUEST);
    }

    @Test
    void a_repeated_transact_says_when_it_was_first_tried() {
        sidecar.refusals.add(again());
        sidecar.refusals.add(Status.UNAVAILABLE.asRuntimeException());
        sidecar.refusals.add(aborted());
        client.transact(ONE, "key");
        var heard = sidecar.heard(TransactRequest.class);
        assertEquals(4, heard.size());
        assertFalse(heard.get(0).hasFirstAttemptTime());
        assertTrue(heard.get(1).hasFirstAttemptTime());
        assertEquals(
                1,
                heard.stream()
                        .skip(1)
                        .map(TransactRequest::getFirstAttemptTime)
                        .distinct()
                        .count());
        assertEquals(1, heard.stream().map(TransactRequest::getIdempotencyKey).distinct().count());
    }

    @Test
    void a_time_that_the_application_kept_is_said_at_once() {
        client.transact(
                ONE, "key", TransactOptions.defaults().firstAttemptTime(Instant.ofEpochSecond(7)));
        assertEquals(
                7, sidecar.heard(TransactRequest.class).get(0).getFirstAttemptTime().getSeconds());
    }

    @Test
    void an_aborted_transact_is_tried_so_often() {
        sidecar.refusals.addAll(List.of(aborted(), aborted()));
        var options = TransactOptions.defaults().attempts(2);
        assertThrows(AbortedException.class, () -> client.transact(ONE, "key", options));
        assertEquals(2, sidecar.heard(TransactRequest.class).size());
    }

    @Test
    void what_is_wrong_is_not_repeated_and_futures_fail_with_it() {
        sidecar.refusals.add(wrong());
        var error =
                assertThrows(
                        CompletionException.class, () -> client.transactAsync(ONE, "key").join());
        assertEquals(
                Reason.REASON_UNKNOWN_TOPIC, ((BadRequestException) error.getCause()).reason());
        assertEquals(1, sidecar.heard(TransactRequest.class).size());
    }

    @Test
    void who_has_to_wait_until_it_is_ready_asks() {
        sidecar.refusals.add(
                FakeSidecar.refusal(
                        Status.Code.UNAVAILABLE,
                        Reason.REASON_DRAINING,
                        NextAction.NEXT_ACTION_WAIT_READY));
        client.transact(ONE, "key");
        var heard = sidecar.heard.stream().map(Object::getClass).toList();
        assertEquals(
                List.of(TransactRequest.class, GetServerInfoRequest.class, TransactRequest.class),
                heard);
    }

    @Test
    void a_deadline_that_is_over_leaves_a_doubt() {
        IntStream.range(0, 100).forEach(i -> sidecar.refusals.add(again()));
        var options = TransactOptions.defaults().deadline(Duration.ofMillis(300));
        var late =
                assertThrows(
                        DeadlineExceededException.class,
                        () -> client.transact(ONE, "key", options));
        assertTrue(late.inDoubt());
        assertEquals(Reason.REASON_KAFKA_UNREACHABLE, late.reason());
        assertEquals("idempotency_key key", late.ask().orElseThrow().toString());
    }

    @Test
    void who_finds_no_sidecar_is_told_where_it_was_looked_for() {
        sidecar.close();
        var options = TransactOptions.defaults().deadline(Duration.ofMillis(300));
        var late =
                assertThrows(
                        DeadlineExceededException.class,
                        () -> client.transact(ONE, "key", options));
        assertTrue(
                late.getMessage().contains("not connected to dns:///127.0.0.1:"), late::getMessage);
    }

    @Test
    void a_stream_that_breaks_goes_on_after_what_was_acknowledged() {
        Outcome committed =
                client.run(
                        transaction -> {
                            for (int i = 0; i < 1_200; i++) {
                                transaction.produce("t", null, "v" + i);
                                if (i == 700) {
                                    transaction.flush();
                                    sidecar.refusals.add(Status.UNAVAILABLE.asRuntimeException());
                                }
                            }
                        });
        assertEquals(1_200, committed.recordCount());
        assertEquals(1_200, sidecar.heard(CommitRequest.class).get(0).getRecordCount());
        // 701 were flushed; the next message is sent twice, and what follows it after that.
        var sequences =
                sidecar.heard(ProduceStreamRequest.class).stream()
                        .map(ProduceStreamRequest::getSequence)
                        .toList();
        assertEquals(List.of(0L, 500L, 701L, 701L), sequences);
    }

    @Test
    void a_refusal_that_says_how_far_the_sidecar_is_is_obeyed() {
        var ahead =
                ErrorDetail.newBuilder()
                        .setReason(Reason.REASON_SEQUENCE_GAP)
                        .setNextAction(NextAction.NEXT_ACTION_RETRY_SAME)
                        .setNextSequence(500);
        client.run(
                transaction -> {
                    sidecar.refusals.add(
                            FakeSidecar.refusal(Status.Code.FAILED_PRECONDITION, ahead));
                    IntStream.range(0, 900).forEach(i -> transaction.produce("t", null, "v"));
                });
        var last = sidecar.heard(ProduceStreamRequest.class);
        assertEquals(500, last.get(last.size() - 1).getSequence());
        assertEquals(2, last.size());
    }

    @Test
    void a_refused_record_comes_out_of_the_commit_and_the_scope_aborts() {
        assertThrows(
                BadRequestException.class,
                () ->
                        client.run(
                                transaction -> {
                                    transaction.produce("nope", null, "v");
                                    sidecar.refusals.add(wrong());
                                }));
        assertEquals(1, sidecar.heard(AbortRequest.class).size());
        assertEquals(0, sidecar.heard(CommitRequest.class).size());
    }

    @Test
    void what_is_aborted_is_begun_again_under_another_name() {
        var told = new ArrayList<Integer>();
        var options = RunOptions.defaults().onRetry((attempt, error) -> told.add(attempt));
        client.run(
                options,
                transaction -> {
                    transaction.produce("t", null, "v");
                    if (told.isEmpty()) {
                        sidecar.refusals.add(aborted());
                    }
                });
        assertEquals(List.of(1), told);
        var names =
                sidecar.heard(BeginRequest.class).stream()
                        .map(BeginRequest::getRequestId)
                        .distinct();
        assertEquals(2, names.count());
    }

    @Test
    void the_hook_may_stop_it() {
        var options = RunOptions.defaults().onRetry((attempt, error) -> false);
        assertThrows(
                AbortedException.class,
                () ->
                        client.run(
                                options,
                                transaction -> {
                                    transaction.produce("t", null, "v");
                                    sidecar.refusals.add(aborted());
                                }));
        assertEquals(1, sidecar.heard(BeginRequest.class).size());
    }

    @Test
    void an_exception_aborts_and_goes_on_its_way() {
        var own = new IllegalStateException("own");
        var thrown =
                assertThrows(
                        IllegalStateException.class,
                        () ->
                                client.run(
                                        transaction -> {
                                            throw own;
                                        }));
        assertEquals(own, thrown);
        assertEquals(1, sidecar.heard(AbortRequest.class).size());
        assertEquals(1, sidecar.heard(BeginRequest.class).size());
    }

    @Test
    void slow_work_is_kept_alive() throws Exception {
        try (Transaction transaction = client.begin()) {
            while (sidecar.heard(KeepAliveRequest.class).isEmpty()) {
                Thread.onSpinWait();
            }
            assertEquals(
                    List.of(transaction.id()),
                    sidecar.heard(KeepAliveRequest.class).get(0).getTransactionIdsList());
            transaction.commit();
        }
        assertEquals(0, sidecar.heard(AbortRequest.class).size());
    }

    @Test
    void work_may_abort_and_return() {
        Outcome outcome = client.run(transaction -> transaction.abort("nothing to do"));
        assertFalse(outcome.isCommitted());
        assertEquals("nothing to do", sidecar.heard(AbortRequest.class).get(0).getReason());
        assertEquals(0, sidecar.heard(CommitRequest.class).size());
    }

    @Test
    void what_is_committed_takes_nothing_more() throws Exception {
        try (Transaction transaction = client.begin()) {
            Outcome committed = transaction.commitAsync().get();
            assertEquals(committed, transaction.commit());
            assertThrows(IllegalStateException.class, () -> transaction.produce("t", null, "v"));
        }
        assertEquals(1, sidecar.heard(CommitRequest.class).size());
    }

    @Test
    void an_interrupt_ends_the_waiting() {
        IntStream.range(0, 100).forEach(i -> sidecar.refusals.add(again()));
        Thread.currentThread().interrupt();
        var late = assertThrows(DeadlineExceededException.class, () -> client.transact(ONE, "key"));
        assertTrue(Thread.interrupted());
        assertTrue(late.inDoubt());
    }
}
