package dev.sidecommit.client.internal;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** How long to wait before the next attempt: 50 ms, doubling to 2 s, with jitter. */
public final class Backoff {
    private static final long FIRST_MS = 50;
    private static final long LONGEST_MS = 2_000;

    /** 50 ms doubled so often is more than the longest. */
    private static final int DOUBLINGS_MAX = 6;

    private Backoff() {}

    /**
     * The pause after so many attempts, 1 or more: between half of it and all of it, so that many
     * callers do not come back at once.
     */
    public static Duration after(int attempts, RandomGenerator random) {
        long full = Math.min(LONGEST_MS, FIRST_MS << Math.min(attempts - 1, DOUBLINGS_MAX));
        return Duration.ofMillis(full / 2 + random.nextLong(full / 2 + 1));
    }
}
