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
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A consumer and a transactional producer that copy a topic in upper case, exactly once. Each poll is one transaction. */
final class Copier implements AutoCloseable {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> producer;
    private final String output;

    Copier(String servers, String output, String group, String transactionalId, int records) {
        this.consumer = new KafkaConsumer<>(Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, servers,
            ConsumerConfig.GROUP_ID_CONFIG, group,
            ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false,
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
            ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, CooperativeStickyAssignor.class.getName(),
            ConsumerConfig.MAX_POLL_RECORDS_CONFIG, records),
            new ByteArrayDeserializer(), new ByteArrayDeserializer());
        this.producer = Settings.producer(servers, transactionalId, true, records);
        this.output = output;
    }

    void open(String input) {
        producer.initTransactions();
        consumer.subscribe(List.of(input));
    }

    ConsumerRecords<byte[], byte[]> poll(Duration patience) {
        return consumer.poll(patience);
    }

    /** In one transaction. How many records: none if it was aborted. */
    int copy(ConsumerRecords<byte[], byte[]> records) {
        if (records.isEmpty()) {
            return 0;
        }
        try {
            producer.beginTransaction();
            for (ConsumerRecord<byte[], byte[]> record : records) {
                producer.send(new ProducerRecord<>(output, record.partition(), record.key(), upperCase(record.value())));
            }
            // Else the client sends the offsets first, and it is they that are told CONCURRENT_TRANSACTIONS.
            producer.flush();
            producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
            producer.commitTransaction();
            return records.count();
        } catch (ProducerFencedException | OutOfOrderSequenceException | AuthorizationException e) {
            // This producer can do nothing any more.
            throw e;
        } catch (KafkaException e) {
            System.err.println("aborted: " + e);
            producer.abortTransaction();
            seekBack(records);
            return 0;
        }
    }

    @Override
    public void close() {
        consumer.close();
        producer.close();
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
