import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** How the producers are tuned: small transactions for latency, large ones for throughput. */
final class Settings {
    private Settings() {}

    /** A producer for transactions of so many records; with a transactional id unless it is null. */
    static KafkaProducer<byte[], byte[]> producer(String servers, String transactionalId, boolean idempotent, int records) {
        Map<String, Object> settings = new HashMap<>();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, idempotent);
        if (transactionalId != null) {
            settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
        }
        // Until the last transaction's markers are written the next one is told CONCURRENT_TRANSACTIONS, and waits for so long:
        // 100 ms by default, which makes a third of the transactions a second.
        settings.put(ProducerConfig.RETRY_BACKOFF_MS_CONFIG, 10);
        // One record has nothing to wait for. Many are sent in larger batches than the default of 16 KiB: fewer requests, each of which
        // costs both sides more than its bytes. What fills is sent at once; what does not need not wait longer than 5 ms.
        boolean many = records > 1;
        settings.put(ProducerConfig.LINGER_MS_CONFIG, many ? 5 : 0);
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, many ? 256 << 10 : 16 << 10);
        // A whole transaction of 10,000 x 1 KB fits: 32 MiB, the default, would do for two, but not while the broker is slow.
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, (many ? 128L : 32L) << 20);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
