package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.client.internal.Backoff;
import dev.sidecommit.client.internal.Deliveries;
import dev.sidecommit.client.internal.Deliveries.Work;
import dev.sidecommit.client.internal.Refusal;
import dev.sidecommit.client.internal.Step;
import dev.sidecommit.v1.ConsumeResponse;
import dev.sidecommit.v1.NextAction;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Reads topics, calls a handler, and commits what it returns together with the offsets, until it is
 * stopped: by {@link #stop()}, by SIGTERM or SIGINT unless the subscription says otherwise, or by
 * an interrupt of the thread that runs it.
 */
public final class Processor {
    private static final System.Logger LOG = System.getLogger(Processor.class.getName());
    private static final Subject CONSUME = Subject.of("Consume");

    /**
     * For the sidecar to take back what nobody works on; what it does not, it does after the
     * session's grace.
     */
    private static final Duration FAREWELL = Duration.ofSeconds(2);

    private enum Phase {
        RUNNING,
        /** No new work is begun; what is outstanding is given back. */
        STOPPING,
        /** Nobody works any more. */
        IDLE,
        /** Asked whether the sidecar has heard all we said. */
        ASKING,
        /** It has. */
        CLOSING
    }

    private final Connection connection;
    private final Subscription subscription;
    private final Settler settler;
    private final Deliveries deliveries;
    private final AtomicBoolean started = new AtomicBoolean();

    /**
     * What happens, one after the other, in the thread that runs this: all fields below are its
     * own.
     */
    private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();

    private volatile boolean stopping;
    private ExecutorService workers;
    private ConsumeStream stream;
    private String sessionId = "";

    /** The stream that is open has begun. */
    private boolean begun;

    /** Streams that ended one after the other without having begun. */
    private int failures;

    /** Deliveries that were given back one after the other. */
    private int aborted;

    private Phase phase = Phase.RUNNING;
    private boolean finished;
    private RuntimeException failure;
    private long settled;

    Processor(Sidecommit client, Subscription subscription, Handling handling) {
        this.connection = client.connection();
        this.subscription = subscription;
        this.settler = new Settler(client, handling, subscription.hasDeadLetters(), () -> stopping);
        this.deliveries = new Deliveries(subscription.concurrency());
    }

    /**
     * Runs until it is stopped, once. Deliveries that are worked on then are finished, the others
     * given back.
     *
     * @return how many records were settled
     * @throws BadRequestException if the subscription, or a record that the handler made, is wrong
     * @throws NeedsHumanException if a person has to look
     */
    @SuppressWarnings("try")
    public long run() {
        if (started.getAndSet(true)) {
            throw new IllegalStateException("a processor runs once");
        }
        workers = Executors.newFixedThreadPool(subscription.concurrency(), Processor::worker);
        boolean interrupted = false;
        try (Signals signals = subscription.handlesSignals() ? Signals.onStop(this::stop) : null) {
            open();
            while (!finished) {
                try {
                    events.take().run();
                } catch (InterruptedException e) {
                    interrupted = true;
                    stop();
                }
            }
        } finally {
            workers.shutdown();
            close();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (failure != null) {
            throw failure;
        }
        return settled;
    }

    /**
     * Stops gracefully: {@link #run()} returns when what is worked on is finished. Any thread may
     * call it, at any time, more than once.
     */
    public void stop() {
        stopping = true;
        events.add(this::farewell);
    }

    private void open() {
        close();
        begun = false;
        stream =
                new ConsumeStream(
                        connection,
                        subscription.subscribe().toBuilder().setSessionId(sessionId).build(),
                        new ConsumeStream.Listener() {
                            @Override
                            public void told(ConsumeStream from, ConsumeResponse response) {
                                events.add(() -> Processor.this.told(from, response));
                            }

                            @Override
                            public void ended(ConsumeStream from, Throwable error) {
                                events.add(() -> Processor.this.ended(from, error));
                            }
                        });
    }

    private void close() {
        if (stream != null) {
            stream.cancel();
            stream = null;
        }
    }

    private void told(ConsumeStream from, ConsumeResponse response) {
        if (from != stream) {
            return;
        }
        switch (response.getKindCase()) {
            case SESSION_STARTED -> {
                begun = true;
                failures = 0;
                sessionId = response.getSessionStarted().getSessionId();
                deliveries.sessionStarted(response.getSessionStarted().getResumed());
            }
            case DELIVERY -> {
                String id = response.getDelivery().getDeliveryId();
                boolean unwanted =
                        stopping
                                ? !deliveries.isWorkedOn(id)
                                : deliveries.told(response.getDelivery())
                                        == Deliveries.Told.UNWANTED;
                if (unwanted) {
                    stream.release(id);
                }
            }
            case REVOKED -> deliveries.revoked(response.getRevoked().getDeliveryIdsList());
            case REFUSED -> {
                if (phase == Phase.ASKING
                        && deliveries
                                .last()
                                .filter(response.getRefused().getDeliveryId()::equals)
                                .isPresent()) {
                    phase = Phase.CLOSING;
                    stream.halfClose();
                }
            }
            default -> LOG.log(System.Logger.Level.TRACE, "told {0}", response.getKindCase());
        }
        goOn();
    }

    private void ended(ConsumeStream from, Throwable error) {
        if (from != stream) {
            return;
        }
        stream = null;
        Refusal refusal = Refusal.of(error, false);
        Step step = Step.after(refusal, ++failures, ThreadLocalRandom.current());
        if (refusal.action() == NextAction.NEXT_ACTION_BEGIN_AGAIN) {
            // The session is over, and with it all that was delivered.
            sessionId = "";
            deliveries.sessionStarted(false);
        } else if (step.kind() == Step.Kind.RAISE) {
            fail(Failure.refused(CONSUME, refusal).exception());
        }
        LOG.log(System.Logger.Level.DEBUG, "the Consume stream ended: {0}", refusal.message());
        if (!stopping) {
            Duration pause =
                    step.kind() == Step.Kind.RAISE
                            ? Backoff.after(failures, ThreadLocalRandom.current())
                            : step.after();
            later(pause, this::reopen);
        }
        goOn();
    }

    private void reopen() {
        if (stream == null && !stopping) {
            open();
        }
    }

    private void fail(RuntimeException why) {
        if (failure == null) {
            failure = why;
        }
        stop();
    }

    /** What can be done now. */
    private void goOn() {
        if (stopping) {
            leave();
            return;
        }
        for (Work work = deliveries.next(); work != null; work = deliveries.next()) {
            Work taken = work;
            workers.execute(() -> work(taken));
        }
        if (begun && stream != null) {
            stream.credit(deliveries.credit());
        }
    }

    /** In a worker's thread. */
    private void work(Work work) {
        try {
            Settler.End end = settler.settle(work);
            events.add(() -> worked(work, end));
        } catch (RuntimeException e) {
            events.add(() -> broken(work, e));
        } catch (Error e) {
            events.add(() -> broken(work, new IllegalStateException(e)));
            throw e;
        }
    }

    private void worked(Work work, Settler.End end) {
        deliveries.done(work, end == Settler.End.SETTLED);
        switch (end) {
            case SETTLED -> {
                settled += work.delivery().getRecordsCount();
                aborted = 0;
            }
            case ABORTED -> giveBack(work);
            case FAILED ->
                    LOG.log(
                            System.Logger.Level.DEBUG,
                            "{0} failed",
                            work.delivery().getDeliveryId());
        }
        goOn();
    }

    private void giveBack(Work work) {
        if (stream != null && begun && !work.isGone()) {
            stream.release(work.delivery().getDeliveryId());
        }
        // Else what cannot be committed now would come again at once, for ever.
        deliveries.withhold();
        later(Backoff.after(++aborted, ThreadLocalRandom.current()), this::resume);
    }

    private void resume() {
        deliveries.release();
        goOn();
    }

    private void broken(Work work, RuntimeException why) {
        deliveries.done(work, false);
        if (stream != null && begun && !work.isGone()) {
            stream.release(work.delivery().getDeliveryId());
        }
        fail(why);
        goOn();
    }

    /**
     * Was told to stop. A stream that resumes a session begins without credit, so nothing new
     * comes, and is told again what is outstanding: that is given back, but for what is worked on.
     */
    private void farewell() {
        if (phase != Phase.RUNNING) {
            return;
        }
        phase = Phase.STOPPING;
        deliveries.dropQueued();
        if (sessionId.isEmpty()) {
            close();
        } else if (stream != null || failure == null) {
            open();
        }
        leave();
    }

    /** Ends when nobody works on anything, and the sidecar has heard what was given back. */
    private void leave() {
        if (phase == Phase.RUNNING || !deliveries.isIdle()) {
            return;
        }
        if (phase == Phase.STOPPING) {
            phase = Phase.IDLE;
            later(FAREWELL, () -> finished = true);
        }
        if (stream == null || begun && deliveries.last().isEmpty()) {
            finished = true;
        } else if (begun && phase == Phase.IDLE) {
            phase = Phase.ASKING;
            // It is void, at the latest when this is said again, so it is refused, after all that
            // was said and told before.
            stream.release(deliveries.last().get());
            stream.release(deliveries.last().get());
        }
    }

    private void later(Duration pause, Runnable event) {
        try {
            connection
                    .clock()
                    .schedule(() -> events.add(event), pause.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("the client is closed", e);
        }
    }

    private static Thread worker(Runnable task) {
        Thread thread = new Thread(task, "sidecommit-worker");
        thread.setDaemon(true);
        return thread;
    }
}
