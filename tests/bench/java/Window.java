import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The time that is measured, and what was seen in it. Times are System.nanoTime's. */
final class Window {
    private final long start;
    private final long end;
    private long[] latencies = new long[1 << 16];
    private int transactions;
    private long records;
    private long lastEnd;

    /** Begins when the warm-up is over. */
    Window(Options options) {
        start = System.nanoTime() + nanos(options.warmup);
        end = start + nanos(options.seconds);
        lastEnd = start;
    }

    boolean isOverAt(long time) {
        return time - end >= 0;
    }

    /** A transaction; it counts if it began within the window. Its latency is from when its caller asked for it. */
    synchronized void count(long asked, long began, long ended, long records) {
        if (began - start < 0 || isOverAt(began)) {
            return;
        }
        if (transactions == latencies.length) {
            latencies = Arrays.copyOf(latencies, 2 * transactions);
        }
        latencies[transactions++] = ended - asked;
        this.records += records;
        lastEnd = Math.max(lastEnd, ended);
    }

    /** Says when the warm-up is over, unless the work ended before: then why. */
    void announce(CompletableFuture<Void> work) throws Exception {
        try {
            work.get(Math.max(0, start - System.nanoTime()), TimeUnit.NANOSECONDS);
            throw new IllegalStateException("the work ended during the warm-up");
        } catch (TimeoutException warm) {
            System.out.println("measuring");
            System.out.flush();
        }
    }

    synchronized String json() {
        if (transactions == 0) {
            throw new IllegalStateException("no transaction began within the window");
        }
        Arrays.sort(latencies, 0, transactions);
        return String.format(Locale.ROOT,
            "{\"transactions\":%d,\"records\":%d,\"seconds\":%.6f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
            transactions, records, (lastEnd - start) / 1e9, quantile(0.5), quantile(0.99), quantile(1));
    }

    /** By nearest rank, in ms. */
    private double quantile(double part) {
        return latencies[(int) Math.ceil(part * transactions) - 1] / 1e6;
    }

    private static long nanos(double seconds) {
        return (long) (seconds * 1e9);
    }
}
