package dev.sidecommit.client;

import dev.sidecommit.client.internal.Address;
import dev.sidecommit.client.internal.Backoff;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The channel, which connects anew by itself, and the thread that looks at the clock. */
final class Connection implements AutoCloseable {
    /** Calls on a thread of gRPC's: what they do is short, or goes to the clock's thread. */
    private static final CallOptions OPTIONS =
            CallOptions.DEFAULT.withWaitForReady().withExecutor(Runnable::run);

    private static final CallOptions.Key<Metadata> TRACE =
            CallOptions.Key.create("sidecommit-trace");
    private static final long CLOSE_SECONDS = 5;

    /**
     * For each connection over a socket gRPC asks for TCP's keep-alive, which Netty then warns of.
     * Kept, as loggers are forgotten.
     */
    private static final Logger NETTY =
            Logger.getLogger("io.grpc.netty.shaded.io.netty.bootstrap.Bootstrap");

    private final ManagedChannel channel;
    private final ScheduledThreadPoolExecutor clock;
    private final Tracing tracing = Tracing.detect();
    private final String target;
    private volatile Runnable connected = () -> {};
    private volatile boolean closed;

    Connection(Address address) {
        target = address.target();
        var builder =
                Grpc.newChannelBuilder(address.target(), InsecureChannelCredentials.create())
                        // What may come is the subscription's to say (max_message_bytes).
                        .maxInboundMessageSize(Integer.MAX_VALUE)
                        .intercept(new TraceInterceptor());
        if (address.socket()) {
            builder.overrideAuthority("localhost");
            if (NETTY.getLevel() == null) {
                NETTY.setLevel(Level.SEVERE);
            }
        }
        channel = builder.build();
        clock = new ScheduledThreadPoolExecutor(1, Connection::clockThread);
        clock.setRemoveOnCancelPolicy(true);
        watch(0);
    }

    Channel channel() {
        return channel;
    }

    ScheduledExecutorService clock() {
        return clock;
    }

    Tracing tracing() {
        return tracing;
    }

    /** For a call on behalf of whose context this is; null: nobody's. It waits for the sidecar. */
    CallOptions options(Metadata trace) {
        return trace == null ? OPTIONS : OPTIONS.withOption(TRACE, trace);
    }

    /** Is told of each connection from now on. */
    void onConnected(Runnable task) {
        connected = task;
    }

    boolean isConnected() {
        return channel.getState(false) == ConnectivityState.READY;
    }

    /** Where it connects to, for people. */
    String target() {
        return target;
    }

    boolean isClosed() {
        return closed;
    }

    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the client is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
        clock.shutdownNow();
        channel.shutdownNow();
        try {
            channel.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * gRPC's own pauses between attempts to connect grow to two minutes; a sidecar is back sooner.
     */
    private void watch(int failures) {
        ConnectivityState state = channel.getState(false);
        int next =
                switch (state) {
                    case TRANSIENT_FAILURE -> failures + 1;
                    case READY -> 0;
                    default -> failures;
                };
        if (state == ConnectivityState.SHUTDOWN) {
            return;
        }
        channel.notifyWhenStateChanged(state, () -> watch(next));
        if (state == ConnectivityState.TRANSIENT_FAILURE) {
            long pause = Backoff.after(next, ThreadLocalRandom.current()).toMillis();
            later(channel::resetConnectBackoff, pause);
        } else if (state == ConnectivityState.READY && !closed) {
            connected.run();
        }
    }

    private void later(Runnable task, long millis) {
        try {
            clock.schedule(task, millis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // Closed meanwhile: nobody waits for a connection any more.
            return;
        }
    }

    private static Thread clockThread(Runnable task) {
        Thread thread = new Thread(task, "sidecommit-clock");
        thread.setDaemon(true);
        return thread;
    }

    private static final class TraceInterceptor implements ClientInterceptor {
        @Override
        public <Q, R> ClientCall<Q, R> interceptCall(
                MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            ClientCall<Q, R> call = next.newCall(method, options);
            Metadata trace = options.getOption(TRACE);
            if (trace == null) {
                return call;
            }
            return new SimpleForwardingClientCall<>(call) {
                @Override
                public void start(Listener<R> listener, Metadata headers) {
                    headers.merge(trace);
                    super.start(listener, headers);
                }
            };
        }
    }
}
