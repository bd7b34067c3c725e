package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.client.internal.Backoff;
import dev.sidecommit.client.internal.Refusal;
import dev.sidecommit.client.internal.Step;
import dev.sidecommit.v1.GetServerInfoRequest;
import dev.sidecommit.v1.GetServerInfoResponse;
import dev.sidecommit.v1.ServingState;
import dev.sidecommit.v1.TransactionServiceGrpc;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/** Calls that are repeated until there is an outcome or their deadline is over. */
final class Caller {
    private final Connection connection;

    Caller(Connection connection) {
        this.connection = connection;
    }

    /**
     * The future is completed on a thread of gRPC's: nothing that depends on it may wait. It fails
     * with a {@link Failure}.
     *
     * @param request for the nth attempt, from 1 on
     */
    <Q, R> CompletableFuture<R> call(
            Subject subject,
            MethodDescriptor<Q, R> method,
            Duration deadline,
            IntFunction<Q> request) {
        connection.checkOpen();
        var repeated =
                new Repeated<>(subject, method, System.nanoTime() + deadline.toNanos(), request);
        repeated.attempt();
        return repeated.future;
    }

    /** When the sidecar serves. */
    CompletableFuture<GetServerInfoResponse> ready(Subject subject, Duration deadline) {
        connection.checkOpen();
        var ready = new CompletableFuture<GetServerInfoResponse>();
        askReady(subject, System.nanoTime() + deadline.toNanos(), 1, ready);
        return ready;
    }

    private void askReady(
            Subject subject,
            long end,
            int attempt,
            CompletableFuture<GetServerInfoResponse> ready) {
        Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
        call(
                        subject,
                        TransactionServiceGrpc.getGetServerInfoMethod(),
                        left,
                        n -> GetServerInfoRequest.getDefaultInstance())
                .whenComplete(
                        (info, error) -> {
                            if (error != null) {
                                ready.completeExceptionally(Waiting.cause(error));
                            } else if (info.getState() == ServingState.SERVING_STATE_READY) {
                                ready.complete(info);
                            } else {
                                Duration pause =
                                        Backoff.after(attempt, ThreadLocalRandom.current());
                                later(
                                        ready,
                                        pause,
                                        () -> askReady(subject, end, attempt + 1, ready));
                            }
                        });
    }

    private void later(CompletableFuture<?> future, Duration pause, Runnable task) {
        Runnable guarded =
                () -> {
                    try {
                        task.run();
                    } catch (RuntimeException e) {
                        future.completeExceptionally(e);
                    }
                };
        try {
            connection.clock().schedule(guarded, pause.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            future.completeExceptionally(new IllegalStateException("the client is closed", e));
        }
    }

    private final class Repeated<Q, R> implements StreamObserver<R> {
        final CompletableFuture<R> future = new CompletableFuture<>();
        private final Subject subject;
        private final MethodDescriptor<Q, R> method;
        private final long end;
        private final IntFunction<Q> request;
        private final Metadata trace = connection.tracing().current();
        private int attempts;
        private Refusal last;
        private R answer;

        Repeated(Subject subject, MethodDescriptor<Q, R> method, long end, IntFunction<Q> request) {
            this.subject = subject;
            this.method = method;
            this.end = end;
            this.request = request;
        }

        void attempt() {
            if (connection.isClosed()) {
                future.completeExceptionally(new IllegalStateException("the client is closed"));
                return;
            }
            long left = end - System.nanoTime();
            if (left <= 0) {
                future.completeExceptionally(Failure.late(subject, last));
                return;
            }
            attempts++;
            var options = connection.options(trace).withDeadlineAfter(left, TimeUnit.NANOSECONDS);
            var call = connection.channel().newCall(method, options);
            ClientCalls.asyncUnaryCall(call, request.apply(attempts), this);
        }

        @Override
        public void onNext(R response) {
            answer = response;
        }

        @Override
        public void onCompleted() {
            future.complete(answer);
        }

        @Override
        public void onError(Throwable error) {
            Refusal refusal = Refusal.of(error, subject.decides());
            Step step = Step.after(refusal, attempts, ThreadLocalRandom.current());
            if (step.kind() == Step.Kind.RAISE) {
                future.completeExceptionally(Failure.refused(subject, refusal));
            } else if (System.nanoTime() + step.after().toNanos() >= end) {
                future.completeExceptionally(Failure.late(subject, reasonOfDelay(refusal)));
            } else {
                last = refusal;
                later(
                        future,
                        step.after(),
                        step.kind() == Step.Kind.REPEAT ? this::attempt : this::awaitReady);
            }
        }

        /** The sidecar's own word, if there was one, says more than that gRPC waited in vain. */
        private Refusal reasonOfDelay(Refusal refusal) {
            if (refusal.detail().getReasonValue() != 0) {
                return refusal;
            }
            if (!connection.isConnected()) {
                return refusal.saying("not connected to " + connection.target());
            }
            return last == null ? refusal : last;
        }

        private void awaitReady() {
            Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
            ready(subject, left)
                    .whenComplete(
                            (info, error) -> {
                                if (error == null) {
                                    attempt();
                                } else if (Waiting.cause(error) instanceof Failure failure
                                        && failure.isLate()) {
                                    future.completeExceptionally(Failure.late(subject, last));
                                } else {
                                    future.completeExceptionally(Waiting.cause(error));
                                }
                            });
        }
    }
}
