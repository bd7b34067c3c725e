package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.client.internal.Outbox;
import dev.sidecommit.client.internal.Refusal;
import dev.sidecommit.client.internal.Step;
import dev.sidecommit.v1.ProduceStreamRequest;
import dev.sidecommit.v1.ProduceStreamResponse;
import dev.sidecommit.v1.Record;
import dev.sidecommit.v1.TransactionServiceGrpc;

import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A transaction's records on their way to the sidecar, over one ProduceStream after the other. What
 * is not acknowledged is bounded by the outbox's window, so what gRPC has in its buffers is too:
 * there is no other flow control.
 */
final class RecordStream {
    private final Connection connection;
    private final Subject subject;
    private final Metadata trace;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Outbox outbox;

    /** Apart from the lock, so that gRPC's thread need not wait while a message is sent. */
    private final AtomicLong acked = new AtomicLong();

    private final List<Flush> flushes = new ArrayList<>();

    /** Somebody waits for acknowledgements. */
    private volatile boolean awaited;

    private StreamObserver<ProduceStreamRequest> stream;

    /** Counts streams: what an older one says is ignored. */
    private int generation;

    /** A stream is about to be opened again. */
    private boolean pausing;

    /** No more records come. */
    private boolean finishing;

    /** Streams that broke, one after the other, without an acknowledgement in between. */
    private int attempts;

    private long ackedAtBreak = -1;
    private Refusal last;
    private RuntimeException failure;

    private record Flush(long target, CompletableFuture<Void> done) {}

    RecordStream(Connection connection, Subject subject, Metadata trace) {
        this.connection = connection;
        this.subject = subject;
        this.trace = trace;
        this.outbox = new Outbox(subject.transactionId());
    }

    /** Queues a record; waits while the window is full. */
    void add(Record record, Duration deadline) {
        int size = record.getSerializedSize();
        lock.lock();
        try {
            check();
            outbox.ack(acked.get());
            if (!outbox.hasRoom(size)) {
                awaitRoom(size, deadline);
            }
            outbox.add(record, size);
            send();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Sends what is queued; the future completes when all of it is accepted.
     *
     * @param finish no more records come
     */
    CompletableFuture<Void> flush(boolean finish, Duration deadline) {
        var done = new CompletableFuture<Void>();
        lock.lock();
        try {
            if (failure != null) {
                done.completeExceptionally(failure);
                return done;
            }
            outbox.seal();
            finishing |= finish;
            flushes.add(new Flush(outbox.next(), done));
            awaited = true;
            send();
            settle();
        } finally {
            lock.unlock();
        }
        if (!done.isDone()) {
            var late =
                    connection
                            .clock()
                            .schedule(() -> giveUp(done), deadline.toNanos(), TimeUnit.NANOSECONDS);
            done.whenComplete((nothing, error) -> late.cancel(false));
        }
        return done;
    }

    /** How many records were added. */
    long count() {
        lock.lock();
        try {
            return outbox.next();
        } finally {
            lock.unlock();
        }
    }

    /** The transaction is over: nothing is sent any more, and whoever adds to it is told why. */
    void end(RuntimeException why) {
        lock.lock();
        try {
            if (failure == null) {
                fail(why);
            }
        } finally {
            lock.unlock();
        }
    }

    private void awaitRoom(int size, Duration deadline) {
        // What is queued might wait for company that cannot come.
        outbox.seal();
        send();
        long end = System.nanoTime() + deadline.toNanos();
        try {
            while (true) {
                awaited = true;
                outbox.ack(acked.get());
                if (outbox.hasRoom(size)) {
                    break;
                }
                long left = end - System.nanoTime();
                if (left <= 0) {
                    throw Failure.late(subject, last).exception();
                }
                changed.awaitNanos(left);
                check();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Failure.interrupted(subject).exception();
        }
        awaited = !flushes.isEmpty();
    }

    private void check() {
        if (failure instanceof Failure refused) {
            throw refused.exception();
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Sends what is to be sent, on a new stream if need be. */
    private void send() {
        if (pausing || failure != null) {
            return;
        }
        for (ProduceStreamRequest message = outbox.poll();
                message != null;
                message = outbox.poll()) {
            if (stream == null) {
                open();
            }
            stream.onNext(message);
        }
        if (finishing && stream != null) {
            // Then the last acknowledgement comes at once, and none is waited for in company.
            stream.onCompleted();
            stream = null;
        }
    }

    private void open() {
        connection.checkOpen();
        var call =
                connection
                        .channel()
                        .newCall(
                                TransactionServiceGrpc.getProduceStreamMethod(),
                                connection.options(trace));
        stream = ClientCalls.asyncBidiStreamingCall(call, new Acks(++generation));
    }

    /** Tells those who wait, as far as the acknowledgements allow. */
    private void settle() {
        outbox.ack(acked.get());
        List<Flush> done =
                flushes.stream().filter(flush -> flush.target <= outbox.acked()).toList();
        flushes.removeAll(done);
        awaited = !flushes.isEmpty();
        changed.signalAll();
        done.forEach(flush -> flush.done.complete(null));
    }

    private void giveUp(CompletableFuture<Void> done) {
        lock.lock();
        try {
            flushes.removeIf(flush -> flush.done == done);
        } finally {
            lock.unlock();
        }
        done.completeExceptionally(Failure.late(subject, last));
    }

    private void broken(int from, Throwable error) {
        lock.lock();
        try {
            if (from != generation || failure != null) {
                return;
            }
            Refusal refusal = Refusal.of(error, false);
            last = refusal;
            stream = null;
            attempts = acked.get() > ackedAtBreak ? 1 : attempts + 1;
            ackedAtBreak = acked.get();
            // WAIT_READY too: opening a stream asks whether the sidecar serves.
            Step step = Step.after(refusal, attempts, ThreadLocalRandom.current());
            if (step.kind() == Step.Kind.RAISE) {
                fail(Failure.refused(subject, refusal));
                return;
            }
            if (refusal.detail().hasNextSequence()) {
                acked.accumulateAndGet(refusal.detail().getNextSequence(), Math::max);
            }
            settle();
            outbox.rewind();
            pausing = true;
            connection.clock().schedule(this::reopen, step.after().toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            fail(new IllegalStateException("the client is closed", e));
        } finally {
            lock.unlock();
        }
    }

    private void reopen() {
        lock.lock();
        try {
            pausing = false;
            send();
        } catch (IllegalStateException closed) {
            fail(closed);
        } finally {
            lock.unlock();
        }
    }

    private void fail(RuntimeException why) {
        failure = why;
        if (stream != null) {
            stream.onError(
                    Status.CANCELLED.withDescription("the transaction is over").asException());
            stream = null;
        }
        generation++;
        List<Flush> waiting = List.copyOf(flushes);
        flushes.clear();
        changed.signalAll();
        waiting.forEach(flush -> flush.done.completeExceptionally(why));
    }

    private final class Acks implements StreamObserver<ProduceStreamResponse> {
        private final int from;

        Acks(int from) {
            this.from = from;
        }

        @Override
        public void onNext(ProduceStreamResponse ack) {
            acked.accumulateAndGet(ack.getNextSequence(), Math::max);
            if (awaited) {
                lock.lock();
                try {
                    settle();
                } finally {
                    lock.unlock();
                }
            }
        }

        @Override
        public void onError(Throwable error) {
            // It may be told within a call of ours, with the lock held: on the clock's thread it
            // never is.
            try {
                connection.clock().execute(() -> broken(from, error));
            } catch (RejectedExecutionException e) {
                end(new IllegalStateException("the client is closed", e));
            }
        }

        @Override
        public void onCompleted() {
            lock.lock();
            boolean early;
            try {
                early =
                        from == generation
                                && outbox.acked() < outbox.next()
                                && acked.get() < outbox.next();
            } finally {
                lock.unlock();
            }
            if (early) {
                onError(
                        Status.UNAVAILABLE
                                .withDescription("the stream ended early")
                                .asRuntimeException());
            }
        }
    }
}
