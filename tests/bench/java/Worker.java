import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;

/** A producer and its thread: makes the transactions that callers ask for, in the order in which they asked. */
final class Worker implements AutoCloseable {
    /** So many different values. */
    private static final int VALUES = 64;
    /** So often a transaction is tried. */
    private static final int ATTEMPTS = 3;

    private final Options options;
    private final String id;
    private KafkaProducer<byte[], byte[]> producer;
    private final byte[][] values = new byte[VALUES][];
    private final List<Future<RecordMetadata>> sent = new ArrayList<>();
    private int next;

    Worker(Options options, String id) {
        this.options = options;
        this.id = id;
        Random random = new Random();
        for (int i = 0; i < VALUES; i++) {
            values[i] = new byte[options.recordSize];
            random.nextBytes(values[i]);
        }
    }

    void open() {
        boolean transactional = options.kind == Options.Kind.TRANSACTIONAL;
        boolean idempotent = options.kind != Options.Kind.PLAIN;
        producer = Settings.producer(options.servers, transactional ? id : null, idempotent, options.records);
        if (transactional) {
            producer.initTransactions();
        }
        // The first transaction does not wait for metadata either.
        producer.partitionsFor(options.topic);
    }

    /**
     * Until the window is over. `asked` has, for each caller that waits, when it asked; it asks again as soon as its transaction is
     * committed. There are at least as many callers as workers, so nobody waits for an entry of it.
     */
    void work(BlockingQueue<Long> asked, Window window) throws Exception {
        while (true) {
            long since = asked.take();
            long began = System.nanoTime();
            if (window.isOverAt(began)) {
                return;
            }
            transaction();
            long ended = System.nanoTime();
            window.count(since, began, ended, options.records);
            asked.add(ended);
        }
    }

    private void transaction() throws Exception {
        if (options.kind != Options.Kind.TRANSACTIONAL) {
            sendAll();
            await();
            return;
        }
        for (int attempt = 1; !tryTransaction(attempt); attempt++) {
            recover();
        }
    }

    /** False if it has to be tried again. */
    private boolean tryTransaction(int attempt) {
        try {
            producer.beginTransaction();
            sendAll();
            // It flushes, and fails if one of the records did.
            producer.commitTransaction();
            return true;
        } catch (KafkaException e) {
            // A busy broker now and then answers INVALID_TXN_STATE, which is fatal for the producer.
            System.err.println("java: attempt " + attempt + " of a transaction failed: " + e);
            if (attempt == ATTEMPTS) {
                throw e;
            }
            return false;
        }
    }

    /** The transaction is aborted, by a new producer if this one cannot any more. */
    private void recover() {
        try {
            producer.abortTransaction();
        } catch (KafkaException fatal) {
            producer.close(Duration.ZERO);
            open();
        }
    }

    private void sendAll() {
        boolean awaited = options.kind != Options.Kind.TRANSACTIONAL;
        for (int i = 0; i < options.records; i++) {
            Future<RecordMetadata> record = producer.send(new ProducerRecord<>(options.topic, values[next++ % VALUES]));
            if (awaited) {
                sent.add(record);
            }
        }
    }

    private void await() throws Exception {
        if (sent.size() > 1) {
            // The last batches do not linger.
            producer.flush();
        }
        for (Future<RecordMetadata> record : sent) {
            record.get();
        }
        sent.clear();
    }

    @Override
    public void close() {
        producer.close();
    }
}
