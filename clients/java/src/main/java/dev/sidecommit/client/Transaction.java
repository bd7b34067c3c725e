package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;
import dev.sidecommit.v1.AbortRequest;
import dev.sidecommit.v1.CommitRequest;
import dev.sidecommit.v1.CommitResponse;
import dev.sidecommit.v1.DeliveryFailure;
import dev.sidecommit.v1.GroupOffsets;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.Record;
import dev.sidecommit.v1.SendOffsetsRequest;
import dev.sidecommit.v1.TopicPartitionOffset;
import dev.sidecommit.v1.TransactionServiceGrpc;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * A transaction, as a scope:
 *
 * <pre>{@code
 * try (Transaction transaction = client.begin()) {
 *     transaction.produce("debits", "alice", "10");
 *     transaction.produce("credits", "bob", "10");
 *     transaction.commit();
 * }
 * }</pre>
 *
 * <p>Closing aborts unless it was committed. While it is open the sidecar is told that it is worked
 * on, however slow the work is. Methods may be called by several threads; they throw {@link
 * SidecommitException}s.
 */
public final class Transaction implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Transaction.class.getName());

    /**
     * After its idle timeout, 10 s unless set otherwise, the sidecar aborts by itself what nobody
     * works on: no need to wait longer.
     */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);

    private final Sidecommit client;
    private final String id;
    private final Duration deadline;
    private final RecordStream records;
    private volatile long offsets;

    /** Commit was asked, and it is not known that it was refused. */
    private volatile boolean asked;

    /** Once it is known. */
    private volatile Outcome outcome;

    /** Why the sidecar has ended it. */
    private volatile Failure ended;

    Transaction(Sidecommit client, String id, Duration deadline) {
        this.client = client;
        this.id = id;
        this.deadline = deadline;
        this.records =
                new RecordStream(
                        client.connection(),
                        subject("ProduceStream", false),
                        client.connection().tracing().current());
        client.keepAlive().add(id);
    }

    /**
     * The id that the sidecar gave it.
     *
     * @return opaque
     */
    public String id() {
        return id;
    }

    /**
     * Queues a record of text; see {@link #produce(ProducerRecord)}.
     *
     * @param topic an existing topic
     * @param key null: none
     * @param value null: a tombstone
     */
    public void produce(String topic, String key, String value) {
        produce(ProducerRecord.of(topic, key, value));
    }

    /**
     * Queues a record of bytes, which are copied; see {@link #produce(ProducerRecord)}.
     *
     * @param topic an existing topic
     * @param key null: none
     * @param value null: a tombstone
     */
    public void produce(String topic, byte[] key, byte[] value) {
        produce(ProducerRecord.of(topic, key, value));
    }

    /**
     * Queues a record and returns; it waits only while 4 MiB or 5,000 records are on their way. If
     * the sidecar refuses a record, a later call or the commit says so.
     *
     * @param record to be written with the transaction
     */
    public void produce(ProducerRecord record) {
        produce(record.proto());
    }

    void produce(Record record) {
        checkOpen();
        records.add(record, deadline);
    }

    /** Waits until the sidecar has accepted all records so far. A commit does that by itself. */
    public void flush() {
        checkOpen();
        join(subject("ProduceStream", false), records.flush(false, deadline));
    }

    /**
     * Settles deliveries with the transaction.
     *
     * @param deliveryIds of a Consume stream of this sidecar
     */
    public void settle(String... deliveryIds) {
        send(SendOffsetsRequest.newBuilder().addAllDeliveryIds(List.of(deliveryIds)));
    }

    /**
     * Commits offsets of the application's own consumer with the transaction. For a group that uses
     * membership take {@link #sendOffsets(GroupOffsets)}, which has the member's id and generation.
     *
     * @param groupId group.id
     * @param offsets of the next records to read: of the last ones that were processed, plus 1
     */
    public void sendOffsets(String groupId, Map<TopicPartition, Long> offsets) {
        var group = GroupOffsets.newBuilder().setGroupId(groupId);
        offsets.forEach(
                (partition, offset) ->
                        group.addOffsets(
                                TopicPartitionOffset.newBuilder()
                                        .setTopic(partition.topic())
                                        .setPartition(partition.partition())
                                        .setOffset(offset)));
        sendOffsets(group.build());
    }

    /**
     * Commits offsets of the application's own consumer with the transaction.
     *
     * @param offsets of one group
     */
    public void sendOffsets(GroupOffsets offsets) {
        send(SendOffsetsRequest.newBuilder().setGroupOffsets(offsets));
    }

    private void send(SendOffsetsRequest.Builder request) {
        checkOpen();
        var named = request.setTransactionId(id).build();
        Subject subject = subject("SendOffsets", false);
        var method = TransactionServiceGrpc.getSendOffsetsMethod();
        offsets =
                join(subject, client.caller().call(subject, method, deadline, n -> named))
                        .getOffsetsCount();
    }

    /**
     * Commits. When it returns, all of it is visible to read_committed readers, for good. After a
     * {@link DeadlineExceededException} it may be called again.
     *
     * @return where the records are
     */
    public Outcome commit() {
        return join(subject("Commit", true), committing());
    }

    /**
     * Commits, without waiting. What {@link #commit()} throws is what the future fails with.
     *
     * @return where the records are; cancelling it changes nothing
     */
    public CompletableFuture<Outcome> commitAsync() {
        return Waiting.publish(committing(), client.executor());
    }

    private CompletableFuture<Outcome> committing() {
        if (outcome != null && outcome.isCommitted()) {
            return CompletableFuture.completedFuture(outcome);
        }
        checkNotOver();
        asked = true;
        return records.flush(true, deadline)
                .thenCompose(nothing -> askCommit())
                .handle(this::committed);
    }

    private CompletableFuture<CommitResponse> askCommit() {
        var request =
                CommitRequest.newBuilder()
                        .setTransactionId(id)
                        .setRecordCount(records.count())
                        .setOffsetsCount(offsets)
                        .build();
        var method = TransactionServiceGrpc.getCommitMethod();
        return client.caller().call(subject("Commit", true), method, deadline, n -> request);
    }

    private Outcome committed(CommitResponse response, Throwable error) {
        if (error == null) {
            outcome = Outcome.committed(id, records.count(), offsets, response.getRangesList());
            client.keepAlive().remove(id);
            return outcome;
        }
        Throwable cause = Waiting.cause(error);
        if (cause instanceof Failure failure) {
            // Late, but not for want of an answer to Commit itself: it was not asked.
            boolean inDoubt = failure.isLate() && failure.subject.decides();
            boolean decided =
                    failure.refusal.isOver()
                            || failure.refusal.action() == NextAction.NEXT_ACTION_STOP;
            asked = inDoubt;
            ended = decided && !failure.isLate() ? failure : null;
        }
        throw cause instanceof RuntimeException unchecked
                ? unchecked
                : new IllegalStateException(cause);
    }

    /**
     * Aborts: nothing of it will ever be visible.
     *
     * @param reason for people; at most 1024 characters
     */
    public void abort(String reason) {
        abort(reason, List.of(), deadline);
    }

    void abort(String reason, List<DeliveryFailure> failures, Duration patience) {
        if (ended != null || outcome != null && !outcome.isCommitted()) {
            return;
        }
        records.end(new IllegalStateException("transaction " + id + " was aborted"));
        var request =
                AbortRequest.newBuilder()
                        .setTransactionId(id)
                        .setReason(reason)
                        .addAllFailures(failures)
                        .build();
        Subject subject = subject("Abort", true);
        join(
                subject,
                client.caller()
                        .call(
                                subject,
                                TransactionServiceGrpc.getAbortMethod(),
                                patience,
                                n -> request));
        outcome = Outcome.aborted(id, records.count(), offsets);
    }

    /** Aborts unless Commit was asked. */
    @Override
    public void close() {
        client.keepAlive().remove(id);
        if (asked || outcome != null || client.connection().isClosed()) {
            return;
        }
        try {
            abort("its scope ended without a commit", List.of(), min(deadline, CLOSE_PATIENCE));
        } catch (SidecommitException e) {
            // It is aborted all the same, since Commit was not asked; what ended the scope is what
            // is to be told.
            LOG.log(System.Logger.Level.DEBUG, "abort failed", e);
        }
    }

    /** What is known of its end; null: nothing. */
    Outcome outcome() {
        return outcome;
    }

    private Subject subject(String call, boolean decides) {
        return new Subject(call, id, TransactionRef.id(id), decides);
    }

    private void checkOpen() {
        checkNotOver();
        if (asked || outcome != null) {
            throw new IllegalStateException(
                    "transaction " + id + " takes nothing more: its commit was asked");
        }
    }

    private void checkNotOver() {
        if (ended != null) {
            throw ended.exception();
        }
        if (outcome != null && !outcome.isCommitted()) {
            throw new IllegalStateException("transaction " + id + " was aborted");
        }
    }

    /** Waits, and remembers what ends the transaction. */
    private <T> T join(Subject subject, CompletableFuture<T> future) {
        return Waiting.join(
                subject,
                future.whenComplete(
                        (value, error) -> {
                            if (error != null
                                    && Waiting.cause(error) instanceof Failure failure
                                    && !failure.isLate()
                                    && failure.refusal.isOver()) {
                                ended = failure;
                            }
                        }));
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }
}
