package dev.sidecommit.client.internal;

import dev.sidecommit.v1.ProduceStreamRequest;
import dev.sidecommit.v1.Record;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * A transaction's records on their way: numbered, batched, and kept until they are acknowledged, so
 * that they can be sent again.
 */
public final class Outbox {
    /** Records of a message at most. */
    public static final int BATCH_RECORDS = 500;

    /** Bytes of a message, but for one record that has more. */
    public static final int BATCH_BYTES = 256 << 10;

    /** Records without an acknowledgement at most. */
    public static final int WINDOW_RECORDS = 5_000;

    /** Bytes without an acknowledgement, but for one record that has more. */
    public static final long WINDOW_BYTES = 4 << 20;

    private final String transactionId;

    /**
     * Whole batches without an acknowledgement, the first `sent` of them sent on the stream that is
     * open.
     */
    private final Deque<Batch> batches = new ArrayDeque<>();

    private final List<Batch> unsent = new ArrayList<>();

    private ProduceStreamRequest.Builder open;
    private int openBytes;
    private long next;
    private long acked;
    private long bytes;

    private record Batch(ProduceStreamRequest message, long end, long bytes) {}

    /** Of a transaction without records. */
    public Outbox(String transactionId) {
        this.transactionId = transactionId;
    }

    /** Whether one more record of so many bytes may be added now. */
    public boolean hasRoom(int size) {
        return next == acked || next - acked < WINDOW_RECORDS && bytes + size <= WINDOW_BYTES;
    }

    /** Adds a record of so many bytes. */
    public void add(Record record, int size) {
        if (open != null && openBytes + size > BATCH_BYTES) {
            seal();
        }
        if (open == null) {
            open =
                    ProduceStreamRequest.newBuilder()
                            .setTransactionId(transactionId)
                            .setSequence(next);
        }
        open.addRecords(record);
        openBytes += size;
        bytes += size;
        next++;
        if (open.getRecordsCount() == BATCH_RECORDS || openBytes >= BATCH_BYTES) {
            seal();
        }
    }

    /** What was added so far is to be sent, though it makes no full message. */
    public void seal() {
        if (open == null) {
            return;
        }
        unsent.add(new Batch(open.build(), next, openBytes));
        open = null;
        openBytes = 0;
    }

    /** The next message to send; null if there is none. */
    public ProduceStreamRequest poll() {
        if (unsent.isEmpty()) {
            return null;
        }
        Batch batch = unsent.remove(0);
        batches.add(batch);
        return batch.message;
    }

    /** Every record before this one is accepted. */
    public void ack(long nextSequence) {
        acked = Math.max(acked, Math.min(nextSequence, next));
        while (!batches.isEmpty() && batches.peek().end <= acked) {
            bytes -= batches.remove().bytes;
        }
    }

    /** The stream broke: what is not acknowledged is to be sent again. */
    public void rewind() {
        unsent.addAll(0, batches);
        batches.clear();
    }

    /** How many records were added. */
    public long next() {
        return next;
    }

    /** How many records are accepted. */
    public long acked() {
        return acked;
    }
}
