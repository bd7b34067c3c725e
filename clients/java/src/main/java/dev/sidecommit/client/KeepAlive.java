package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.v1.GetServerInfoRequest;
import dev.sidecommit.v1.GetServerInfoResponse;
import dev.sidecommit.v1.KeepAliveRequest;
import dev.sidecommit.v1.KeepAliveResponse;
import dev.sidecommit.v1.TransactionServiceGrpc;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/** Tells the sidecar, each third of its idle timeout, which transactions are still worked on. */
final class KeepAlive {
    private static final System.Logger LOG = System.getLogger(KeepAlive.class.getName());
    private static final Subject INFO = Subject.of("GetServerInfo");
    private static final Subject KEEP_ALIVE = Subject.of("KeepAlive");

    /** Ids of a call. */
    private static final int IDS_MAX = 1_000;

    /** Until the sidecar has told its idle timeout: a third of its default. */
    private static final Duration DEFAULT_PERIOD = Duration.ofMillis(3_333);

    private final Connection connection;
    private final Caller caller;
    private final Set<String> open = ConcurrentHashMap.newKeySet();

    /** Counts rounds that were begun afresh: older ones end. */
    private int generation;

    private boolean running;

    KeepAlive(Connection connection, Caller caller) {
        this.connection = connection;
        this.caller = caller;
    }

    void add(String transactionId) {
        open.add(transactionId);
        int mine;
        synchronized (this) {
            if (running) {
                return;
            }
            running = true;
            mine = ++generation;
        }
        round(mine);
    }

    /** The sidecar may be another one now, with another idle timeout. */
    void connected() {
        int mine;
        synchronized (this) {
            mine = ++generation;
            running = !open.isEmpty();
            if (!running) {
                return;
            }
        }
        round(mine);
    }

    void remove(String transactionId) {
        open.remove(transactionId);
    }

    /** Asks for the idle timeout, then waits a third of it and tells. */
    private void round(int mine) {
        caller.call(
                        INFO,
                        TransactionServiceGrpc.getGetServerInfoMethod(),
                        DEFAULT_PERIOD,
                        n -> GetServerInfoRequest.getDefaultInstance())
                .handle((info, error) -> error == null ? period(info) : DEFAULT_PERIOD)
                .thenAccept(period -> later(period, () -> tell(mine, period)));
    }

    private void tell(int mine, Duration period) {
        synchronized (this) {
            if (mine != generation) {
                return;
            }
            running = !open.isEmpty();
            if (!running) {
                return;
            }
        }
        List<String> ids = List.copyOf(open);
        for (int from = 0; from < ids.size(); from += IDS_MAX) {
            var some = ids.subList(from, Math.min(ids.size(), from + IDS_MAX));
            var request = KeepAliveRequest.newBuilder().addAllTransactionIds(some).build();
            caller.call(
                            KEEP_ALIVE,
                            TransactionServiceGrpc.getKeepAliveMethod(),
                            period,
                            n -> request)
                    .whenComplete(this::told);
        }
        later(period, () -> tell(mine, period));
    }

    private void told(KeepAliveResponse told, Throwable error) {
        if (error != null) {
            // The transaction's own calls say what became of it.
            LOG.log(System.Logger.Level.DEBUG, "keep-alive failed: {0}", error.getMessage());
            return;
        }
        for (var deadline : told.getDeadlinesList()) {
            if (!deadline.hasDeadline()) {
                open.remove(deadline.getTransactionId());
            }
        }
    }

    private void later(Duration period, Runnable task) {
        try {
            connection.clock().schedule(task, period.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closed) {
            open.clear();
        }
    }

    private static Duration period(GetServerInfoResponse info) {
        Duration idle = Times.of(info.getLimits().getIdleTimeout());
        return idle.isZero() ? DEFAULT_PERIOD : idle.dividedBy(3);
    }
}
