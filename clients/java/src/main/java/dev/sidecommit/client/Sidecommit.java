package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.client.internal.Address;
import dev.sidecommit.client.internal.Backoff;
import dev.sidecommit.v1.GetServerInfoRequest;
import dev.sidecommit.v1.GetServerInfoResponse;
import dev.sidecommit.v1.TransactionServiceGrpc;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A client of the sidecar. One serves a whole application: all threads may share it.
 *
 * <p>Calls are repeated until there is an outcome or their deadline is over, so a restart of the
 * sidecar is a pause, not an error, unless it cost the transaction. What is thrown is a {@link
 * SidecommitException}; each of its sub-classes is one thing to do.
 */
public final class Sidecommit implements AutoCloseable {
    private final Connection connection;
    private final Caller caller;
    private final KeepAlive keepAlive;
    private final Duration deadline;
    private final Executor executor;

    private Sidecommit(Builder builder) {
        connection =
                new Connection(
                        Address.choose(builder.address, System.getenv("SIDECOMMIT_ADDRESS")));
        caller = new Caller(connection);
        keepAlive = new KeepAlive(connection, caller);
        connection.onConnected(keepAlive::connected);
        deadline = builder.deadline;
        executor = builder.executor;
    }

    /**
     * Connects to {@code SIDECOMMIT_ADDRESS}, or else to {@code unix:///run/sidecommit/api.sock}.
     * Does not wait for the sidecar: the first call does.
     *
     * @return a client
     */
    public static Sidecommit connect() {
        return builder().connect();
    }

    /**
     * Connects.
     *
     * @param address {@code unix:///path} or {@code host:port}
     * @return a client
     */
    public static Sidecommit connect(String address) {
        return builder().address(address).connect();
    }

    /**
     * For a client with other settings.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Waits until the sidecar serves.
     *
     * @param timeout how long
     * @throws DeadlineExceededException if it does not in time
     */
    public void waitReady(Duration timeout) {
        Subject subject = Subject.of("GetServerInfo");
        Waiting.join(subject, caller.ready(subject, timeout));
    }

    /**
     * What the sidecar is, what it can do, and its limits.
     *
     * @return its answer
     */
    public GetServerInfoResponse serverInfo() {
        Subject subject = Subject.of("GetServerInfo");
        var method = TransactionServiceGrpc.getGetServerInfoMethod();
        return Waiting.join(
                subject,
                caller.call(
                        subject, method, deadline, n -> GetServerInfoRequest.getDefaultInstance()));
    }

    /**
     * Begins a transaction.
     *
     * @return one that has to be closed
     */
    public Transaction begin() {
        return begin(TransactionOptions.defaults());
    }

    /**
     * Begins a transaction.
     *
     * @param options how
     * @return one that has to be closed
     */
    public Transaction begin(TransactionOptions options) {
        var request = options.begin();
        Duration patience = options.deadline().orElse(deadline);
        Subject subject =
                new Subject("Begin", null, TransactionRef.requestId(request.getRequestId()), false);
        var call =
                caller.call(
                        subject, TransactionServiceGrpc.getBeginMethod(), patience, n -> request);
        return new Transaction(this, Waiting.join(subject, call).getTransactionId(), patience);
    }

    /**
     * Does work in a transaction and commits it; if it is aborted, does it again in a new one.
     *
     * @param work what to do
     * @param <E> what it throws
     * @return where the records are; of a transaction that the work itself aborted, that
     * @throws E if the work does; the transaction is aborted then
     */
    public <E extends Exception> Outcome run(Work<E> work) throws E {
        return run(RunOptions.defaults(), work);
    }

    /**
     * Does work in a transaction and commits it; if it is aborted, does it again in a new one.
     *
     * @param options how often
     * @param work what to do
     * @param <E> what it throws
     * @return where the records are; of a transaction that the work itself aborted, that
     * @throws E if the work does; the transaction is aborted then
     */
    public <E extends Exception> Outcome run(RunOptions options, Work<E> work) throws E {
        for (int attempt = 1; ; attempt++) {
            try (Transaction transaction = begin(options.transaction())) {
                work.in(transaction);
                return transaction.outcome() != null ? transaction.outcome() : transaction.commit();
            } catch (AbortedException e) {
                if (attempt >= options.attempts() || !options.onRetry().retry(attempt, e)) {
                    throw e;
                }
                pause(e, attempt);
            }
        }
    }

    /**
     * A whole transaction in one call: the fastest way for small ones. If it is aborted it is tried
     * again, with the same key.
     *
     * @param records at least one
     * @param idempotencyKey names the piece of work, 1 to 128 characters: of the attempts with one
     *     key at most one is ever committed
     * @return where the records are
     */
    public Outcome transact(List<ProducerRecord> records, String idempotencyKey) {
        return transact(records, idempotencyKey, TransactOptions.defaults());
    }

    /**
     * A whole transaction in one call.
     *
     * @param records may be empty if the options have deliveries or offsets
     * @param idempotencyKey names the piece of work, 1 to 128 characters
     * @param options how
     * @return where the records are
     */
    public Outcome transact(
            List<ProducerRecord> records, String idempotencyKey, TransactOptions options) {
        Transact transact = Transact.of(this, records, idempotencyKey, options);
        return Waiting.join(transact.subject(), transact.start());
    }

    /**
     * As {@link #transact(List, String)}, without waiting.
     *
     * @param records at least one
     * @param idempotencyKey names the piece of work
     * @return where the records are; cancelling it changes nothing
     */
    public CompletableFuture<Outcome> transactAsync(
            List<ProducerRecord> records, String idempotencyKey) {
        return transactAsync(records, idempotencyKey, TransactOptions.defaults());
    }

    /**
     * As {@link #transact(List, String, TransactOptions)}, without waiting.
     *
     * @param records may be empty if the options have deliveries or offsets
     * @param idempotencyKey names the piece of work
     * @param options how
     * @return where the records are; cancelling it changes nothing
     */
    public CompletableFuture<Outcome> transactAsync(
            List<ProducerRecord> records, String idempotencyKey, TransactOptions options) {
        return Waiting.publish(
                Transact.of(this, records, idempotencyKey, options).start(), executor);
    }

    /**
     * What became of a transaction; waits until that is known.
     *
     * @param transaction by one of its names
     * @return COMMITTED, ABORTED or UNKNOWN
     */
    public Outcome getOutcome(TransactionRef transaction) {
        return getOutcome(transaction, true);
    }

    /**
     * What became of a transaction.
     *
     * @param transaction by one of its names
     * @param wait until it is COMMITTED, ABORTED or UNKNOWN; else what is known now
     * @return its state
     */
    public Outcome getOutcome(TransactionRef transaction, boolean wait) {
        var request = transaction.request(wait);
        Subject subject = new Subject("GetTransaction", null, transaction, false);
        var call =
                caller.call(
                        subject,
                        TransactionServiceGrpc.getGetTransactionMethod(),
                        deadline,
                        n -> request);
        return Outcome.of(Waiting.join(subject, call).getTransaction());
    }

    /**
     * Reads topics, calls the handler for each record, and commits what it returns together with
     * the offsets, until it is stopped by SIGTERM or SIGINT; see {@link Processor}.
     *
     * @param subscription what to read, and how
     * @param handler what to do
     * @return how many records were settled
     */
    public long process(Subscription subscription, Handler handler) {
        return processor(subscription, handler).run();
    }

    /**
     * As {@link #process}, for what is stopped by the application.
     *
     * @param subscription what to read, and how
     * @param handler what to do with each record
     * @return one that is not running yet
     */
    public Processor processor(Subscription subscription, Handler handler) {
        return new Processor(this, subscription, Handling.each(handler));
    }

    /**
     * As {@link #process}, for a handler that gets all records of a delivery at once.
     *
     * @param subscription what to read, and how
     * @param handler what to do with each delivery
     * @return one that is not running yet
     */
    public Processor batchProcessor(Subscription subscription, BatchHandler handler) {
        return new Processor(this, subscription, Handling.batch(handler));
    }

    /**
     * Ends the connection. What is under way fails; what is open the sidecar aborts after its idle
     * timeout.
     */
    @Override
    public void close() {
        connection.close();
    }

    Connection connection() {
        return connection;
    }

    Caller caller() {
        return caller;
    }

    KeepAlive keepAlive() {
        return keepAlive;
    }

    Duration deadline() {
        return deadline;
    }

    Executor executor() {
        return executor;
    }

    private static void pause(AbortedException error, int attempt) {
        Duration pause =
                error.retryAfter().orElse(Backoff.after(attempt, ThreadLocalRandom.current()));
        try {
            Thread.sleep(pause.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw error;
        }
    }

    /** Settings of a client. */
    public static final class Builder {
        private String address;
        private Duration deadline = Duration.ofSeconds(60);
        private Executor executor = ForkJoinPool.commonPool();

        private Builder() {}

        /**
         * Where the sidecar listens.
         *
         * @param address {@code unix:///path} or {@code host:port}; null: {@code
         *     SIDECOMMIT_ADDRESS}, or else the default
         * @return this
         */
        public Builder address(String address) {
            this.address = address;
            return this;
        }

        /**
         * How long calls may wait for their outcome.
         *
         * @param deadline 60 s unless set
         * @return this
         */
        public Builder deadline(Duration deadline) {
            this.deadline = deadline;
            return this;
        }

        /**
         * Where futures complete.
         *
         * @param executor the common pool unless set
         * @return this
         */
        public Builder executor(Executor executor) {
            this.executor = executor;
            return this;
        }

        /**
         * Connects.
         *
         * @return a client
         */
        public Sidecommit connect() {
            return new Sidecommit(this);
        }
    }
}
