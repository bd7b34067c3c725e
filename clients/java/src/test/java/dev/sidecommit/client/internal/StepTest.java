package dev.sidecommit.client.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sidecommit.v1.ErrorDetail;
import dev.sidecommit.v1.NextAction;

import io.grpc.Status;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.Random;

class StepTest {
    private static Step after(NextAction action, Duration retryAfter, int attempts) {
        var refusal =
                new Refusal(
                        Status.Code.UNAVAILABLE,
                        "",
                        action,
                        ErrorDetail.getDefaultInstance(),
                        retryAfter);
        return Step.after(refusal, attempts, new Random(1));
    }

    @ParameterizedTest
    @CsvSource({
        "RETRY_SAME, REPEAT",
        "ASK_OUTCOME, REPEAT",
        "WAIT_READY, WAIT_READY",
        "BEGIN_AGAIN, RAISE",
        "FIX_REQUEST, RAISE",
        "STOP, RAISE"
    })
    void each_action_is_one_step(String action, Step.Kind kind) {
        assertEquals(kind, after(NextAction.valueOf("NEXT_ACTION_" + action), null, 1).kind());
    }

    @Test
    void the_sidecars_pause_comes_before_our_own() {
        assertEquals(
                Duration.ofMillis(7),
                after(NextAction.NEXT_ACTION_RETRY_SAME, Duration.ofMillis(7), 9).after());
    }

    @ParameterizedTest
    @CsvSource({
        "1, 25, 50",
        "2, 50, 100",
        "4, 200, 400",
        "6, 800, 1600",
        "7, 1000, 2000",
        "1000, 1000, 2000"
    })
    void pauses_double_to_two_seconds(int attempts, long least, long most) {
        for (int seed = 0; seed < 100; seed++) {
            long pause = Backoff.after(attempts, new Random(seed)).toMillis();
            assertTrue(pause >= least && pause <= most, () -> pause + " ms after " + attempts);
        }
    }

    @Test
    void pauses_differ() {
        var random = new Random(1);
        assertTrue(random.ints(50).mapToObj(i -> Backoff.after(7, random)).distinct().count() > 10);
    }
}
