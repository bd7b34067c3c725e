package dev.sidecommit.client.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.RetryInfo;

import dev.sidecommit.v1.ErrorDetail;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.Reason;

import io.grpc.Status;
import io.grpc.protobuf.StatusProto;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RefusalTest {
    private static Throwable told(
            Status.Code code, ErrorDetail.Builder detail, com.google.protobuf.Message... more) {
        var status = com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("why");
        status.addDetails(Any.pack(detail.build()));
        for (var each : more) {
            status.addDetails(Any.pack(each));
        }
        return StatusProto.toStatusRuntimeException(status.build());
    }

    @Test
    void the_sidecar_says_what_to_do() {
        var detail =
                ErrorDetail.newBuilder()
                        .setReason(Reason.REASON_UNKNOWN_TOPIC)
                        .setNextAction(NextAction.NEXT_ACTION_FIX_REQUEST)
                        .setRecordIndex(7);
        Refusal refusal = Refusal.of(told(Status.Code.INVALID_ARGUMENT, detail), false);
        assertEquals(NextAction.NEXT_ACTION_FIX_REQUEST, refusal.action());
        assertEquals(7, refusal.detail().getRecordIndex());
        assertEquals("why", refusal.message());
        assertNull(refusal.retryAfter());
        assertFalse(refusal.isOver());
    }

    @Test
    void retry_info_says_when() {
        var detail =
                ErrorDetail.newBuilder()
                        .setReason(Reason.REASON_QUEUE_EXCEEDED)
                        .setNextAction(NextAction.NEXT_ACTION_RETRY_SAME);
        var retry =
                RetryInfo.newBuilder()
                        .setRetryDelay(Duration.newBuilder().setNanos(250_000_000))
                        .build();
        Refusal refusal = Refusal.of(told(Status.Code.RESOURCE_EXHAUSTED, detail, retry), false);
        assertEquals(250, refusal.retryAfter().toMillis());
        assertEquals(NextAction.NEXT_ACTION_RETRY_SAME, refusal.action());
    }

    @Test
    void what_is_not_known_means_the_same_again() {
        var action =
                ErrorDetail.newBuilder().setReason(Reason.REASON_TIMED_OUT).setNextActionValue(99);
        var reason =
                ErrorDetail.newBuilder()
                        .setReasonValue(999)
                        .setNextAction(NextAction.NEXT_ACTION_STOP);
        assertEquals(
                NextAction.NEXT_ACTION_RETRY_SAME,
                Refusal.of(told(Status.Code.ABORTED, action), false).action());
        assertEquals(
                NextAction.NEXT_ACTION_RETRY_SAME,
                Refusal.of(told(Status.Code.ABORTED, reason), false).action());
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            names = {"DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "UNAVAILABLE"})
    void a_library_that_gives_up_leaves_the_outcome_open(Status.Code code) {
        var error = code.toStatus().asRuntimeException();
        assertEquals(NextAction.NEXT_ACTION_ASK_OUTCOME, Refusal.of(error, true).action());
        assertEquals(NextAction.NEXT_ACTION_RETRY_SAME, Refusal.of(error, false).action());
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            names = {"OUT_OF_RANGE", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"})
    void a_library_that_finds_it_too_large_will_do_so_again(Status.Code code) {
        assertEquals(
                NextAction.NEXT_ACTION_FIX_REQUEST,
                Refusal.of(code.toStatus().asRuntimeException(), true).action());
    }

    @Test
    void a_rejected_record_is_the_end_of_its_transaction() {
        var detail =
                ErrorDetail.newBuilder()
                        .setReason(Reason.REASON_RECORD_REJECTED)
                        .setNextAction(NextAction.NEXT_ACTION_FIX_REQUEST);
        assertTrue(Refusal.of(told(Status.Code.ABORTED, detail), true).isOver());
    }
}
