package dev.sidecommit.bench;

import java.util.Locale;

/** What is measured: what was committed from the end of the warm-up until the time is over. */
final class Window {
    private final long seconds;
    private long start;
    private long end;
    private long lastEnd;
    private long records;
    private long transactions;

    Window(long seconds) {
        this.seconds = seconds;
    }

    /** The warm-up is over. */
    void open() {
        start = System.nanoTime();
        lastEnd = start;
        end = start + seconds * 1_000_000_000L;
    }

    boolean isOver() {
        return System.nanoTime() - end >= 0;
    }

    /** A transaction was committed. */
    synchronized void count(int committed) {
        lastEnd = System.nanoTime();
        records += committed;
        transactions++;
    }

    /** Until the last commit: what began in time was waited for. */
    synchronized String json() {
        double measured = (lastEnd - start) / 1e9;
        return String.format(
                Locale.ROOT,
                "{\"records\":%d,\"transactions\":%d,\"seconds\":%.3f}",
                records,
                transactions,
                measured);
    }
}
