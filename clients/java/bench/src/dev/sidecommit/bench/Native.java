package dev.sidecommit.bench;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/** Kafka's Java client: a pool of transactional producers, tuned as tests/bench/java's. */
final class Native implements Contender {
    private static final int POOL = 8;

    private final BlockingQueue<KafkaProducer<byte[], byte[]>> pool =
            new ArrayBlockingQueue<>(POOL);

    Native(boolean bulk) {
        int producers = bulk ? 1 : POOL;
        String name = "bench-java-" + UUID.randomUUID();
        for (int i = 0; i < producers; i++) {
            var producer = producer(name + "-" + i, bulk);
            producer.initTransactions();
            pool.add(producer);
        }
    }

    @Override
    public void transaction(String topic, List<byte[]> values) throws Exception {
        KafkaProducer<byte[], byte[]> producer = pool.take();
        try {
            producer.beginTransaction();
            for (byte[] value : values) {
                producer.send(new ProducerRecord<>(topic, value));
            }
            producer.commitTransaction();
        } finally {
            pool.add(producer);
        }
    }

    @Override
    public void close() {
        pool.forEach(KafkaProducer::close);
    }

    private static KafkaProducer<byte[], byte[]> producer(String id, boolean bulk) {
        Map<String, Object> settings =
                Map.of(
                        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        System.getenv("BOOTSTRAP_SERVERS"),
                        ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                        id,
                        ProducerConfig.ACKS_CONFIG,
                        "all",
                        // How long it waits when the last transaction's markers are not written
                        // yet: by default 100 ms.
                        ProducerConfig.RETRY_BACKOFF_MS_CONFIG,
                        10,
                        // One record has nothing to wait for; many travel in larger batches than
                        // the default of 16 KiB.
                        ProducerConfig.LINGER_MS_CONFIG,
                        bulk ? 5 : 0,
                        ProducerConfig.BATCH_SIZE_CONFIG,
                        bulk ? 256 << 10 : 16 << 10,
                        // A whole transaction fits.
                        ProducerConfig.BUFFER_MEMORY_CONFIG,
                        (bulk ? 128L : 32L) << 20);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
