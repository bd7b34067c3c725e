package dev.sidecommit.client.internal;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * What a caller does after a refusal.
 *
 * @param after how long to wait before
 */
public record Step(Kind kind, Duration after) {
    /** What to do. */
    public enum Kind {
        /** Send the same call again. */
        REPEAT,
        /** Wait until the sidecar serves, then send the same call again. */
        WAIT_READY,
        /** Tell the application. */
        RAISE
    }

    /** After so many attempts, 1 or more. */
    public static Step after(Refusal refusal, int attempts, RandomGenerator random) {
        Duration pause =
                refusal.retryAfter() != null
                        ? refusal.retryAfter()
                        : Backoff.after(attempts, random);
        return switch (refusal.action()) {
            case NEXT_ACTION_BEGIN_AGAIN, NEXT_ACTION_FIX_REQUEST, NEXT_ACTION_STOP ->
                    new Step(Kind.RAISE, Duration.ZERO);
            case NEXT_ACTION_WAIT_READY -> new Step(Kind.WAIT_READY, pause);
            default -> new Step(Kind.REPEAT, pause);
        };
    }
}
