package dev.sidecommit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.client.internal.Refusal;
import dev.sidecommit.v1.ErrorDetail;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.Reason;

import io.grpc.Status;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

class FailureTest {
    private static final Subject COMMIT =
            new Subject("Commit", "tx-1", TransactionRef.id("tx-1"), true);
    private static final Subject BEGIN =
            new Subject("Begin", null, TransactionRef.requestId("r"), false);

    private static Refusal refusal(Reason reason, NextAction action) {
        var detail =
                ErrorDetail.newBuilder()
                        .setReason(reason)
                        .setNextAction(action)
                        .setRecordIndex(3)
                        .build();
        return new Refusal(Status.Code.ABORTED, "why", action, detail, null);
    }

    @ParameterizedTest
    @CsvSource({
        "BEGIN_AGAIN, dev.sidecommit.client.AbortedException",
        "FIX_REQUEST, dev.sidecommit.client.BadRequestException",
        "STOP, dev.sidecommit.client.NeedsHumanException"
    })
    void each_thing_to_do_is_a_class(String action, Class<?> type) {
        var next = NextAction.valueOf("NEXT_ACTION_" + action);
        var exception = Failure.refused(COMMIT, refusal(Reason.REASON_TIMED_OUT, next)).exception();
        assertInstanceOf(type, exception);
        assertEquals("Commit: why (TIMED_OUT)", exception.getMessage());
        assertEquals("tx-1", exception.transactionId().orElseThrow());
        assertEquals(3, exception.recordIndex().orElseThrow());
        assertEquals(next, exception.nextAction());
    }

    @Test
    void only_what_decides_leaves_a_doubt() {
        var commit = (DeadlineExceededException) Failure.late(COMMIT, null).exception();
        assertTrue(commit.inDoubt());
        assertEquals(NextAction.NEXT_ACTION_ASK_OUTCOME, commit.nextAction());
        assertEquals("transaction tx-1", commit.ask().orElseThrow().toString());
        var begin = (DeadlineExceededException) Failure.late(BEGIN, null).exception();
        assertFalse(begin.inDoubt());
        assertEquals(Reason.REASON_UNSPECIFIED, begin.reason());
    }

    @Test
    void who_is_late_says_what_was_in_the_way() {
        var last = refusal(Reason.REASON_KAFKA_UNREACHABLE, NextAction.NEXT_ACTION_RETRY_SAME);
        var exception = Failure.late(COMMIT, last).exception();
        assertEquals(Reason.REASON_KAFKA_UNREACHABLE, exception.reason());
        assertTrue(
                exception
                        .getMessage()
                        .startsWith(
                                "Commit: no outcome within the deadline: why; it may have been"));
    }

    @Test
    void an_exception_can_be_serialized() throws Exception {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(Failure.late(COMMIT, null).exception());
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            var read = (DeadlineExceededException) in.readObject();
            assertEquals("transaction tx-1", read.ask().orElseThrow().toString());
            assertEquals(Status.Code.DEADLINE_EXCEEDED, read.code());
        }
    }
}
