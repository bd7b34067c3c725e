import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What `make bench-copy` measures the sidecar against: a consumer and a transactional producer that copy a topic in upper case, exactly
 * once. Each poll is one transaction. Arguments: bootstrap servers, input, output, group, records per transaction.
 */
public final class Copier {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> producer;
    private final String output;

    private Copier(String servers, String output, String group, int records) {
        this.consumer = new KafkaConsumer<>(Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, servers,
            ConsumerConfig.GROUP_ID_CONFIG, group,
            ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false,
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
            ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, CooperativeStickyAssignor.class.getName(),
            ConsumerConfig.MAX_POLL_RECORDS_CONFIG, records),
            new ByteArrayDeserializer(), new ByteArrayDeserializer());
        // One record has nothing to wait for. Many are sent in larger batches than the default of 16 KiB.
        boolean many = records > 1;
        this.producer = new KafkaProducer<>(Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, servers,
            ProducerConfig.TRANSACTIONAL_ID_CONFIG, "copier-" + group,
            ProducerConfig.LINGER_MS_CONFIG, many ? 5 : 0,
            ProducerConfig.BATCH_SIZE_CONFIG, many ? 256 << 10 : 16 << 10,
            // Until the last transaction's markers are written the next one is told CONCURRENT_TRANSACTIONS, and waits for so long:
            // 100 ms by default, which makes a third of the transactions a second.
            ProducerConfig.RETRY_BACKOFF_MS_CONFIG, 10),
            new ByteArraySerializer(), new ByteArraySerializer());
        this.output = output;
    }

    public static void main(String[] args) {
        Copier copier = new Copier(args[0], args[2], args[3], Integer.parseInt(args[4]));
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            copier.consumer.wakeup();
            try {
                main.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        try (copier.consumer; copier.producer) {
            copier.run(args[1]);
        } catch (WakeupException e) {
            // The end was asked for.
        }
    }

    private void run(String input) {
        producer.initTransactions();
        consumer.subscribe(List.of(input));
        while (true) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(1));
            if (!records.isEmpty()) {
                copy(records);
            }
        }
    }

    private void copy(ConsumerRecords<byte[], byte[]> records) {
        try {
            producer.beginTransaction();
            for (ConsumerRecord<byte[], byte[]> record : records) {
                producer.send(new ProducerRecord<>(output, record.partition(), record.key(), upperCase(record.value())));
            }
            // Else the client sends the offsets first, and it is they that are told CONCURRENT_TRANSACTIONS.
            producer.flush();
            producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
            producer.commitTransaction();
        } catch (ProducerFencedException | OutOfOrderSequenceException | AuthorizationException e) {
            // This producer can do nothing any more.
            throw e;
        } catch (KafkaException e) {
            System.err.println("aborted: " + e);
            producer.abortTransaction();
            seekBack(records);
        }
    }

    /** What was polled and not committed is polled again; partitions that went to others meanwhile are their business. */
    private void seekBack(ConsumerRecords<byte[], byte[]> records) {
        Map<TopicPartition, Long> first = new HashMap<>();
        for (TopicPartition partition : records.partitions()) {
            first.put(partition, records.records(partition).get(0).offset());
        }
        first.keySet().retainAll(consumer.assignment());
        first.forEach(consumer::seek);
    }

    /** f. ASCII; in place, since nobody else has the value. */
    private static byte[] upperCase(byte[] value) {
        for (int i = 0; i < value.length; i++) {
            if (value[i] >= 'a' && value[i] <= 'z') {
                value[i] -= 'a' - 'A';
            }
        }
        return value;
    }
}
