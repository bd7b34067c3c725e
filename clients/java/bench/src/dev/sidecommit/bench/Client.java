package dev.sidecommit.bench;

import dev.sidecommit.client.ProducerRecord;
import dev.sidecommit.client.Sidecommit;

import java.util.List;
import java.util.UUID;

/** This client. */
final class Client implements Contender {
    private final Sidecommit client = Sidecommit.connect();
    private final boolean bulk;

    Client(boolean bulk) {
        this.bulk = bulk;
    }

    @Override
    public void transaction(String topic, List<byte[]> values) {
        if (bulk) {
            client.run(
                    transaction ->
                            values.forEach(value -> transaction.produce(topic, null, value)));
        } else {
            var records =
                    values.stream().map(value -> ProducerRecord.of(topic, null, value)).toList();
            client.transact(records, UUID.randomUUID().toString());
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
