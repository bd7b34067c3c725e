package dev.sidecommit.examples;

import com.google.type.Money;

import dev.sidecommit.client.ConsumerRecord;
import dev.sidecommit.client.Processor;
import dev.sidecommit.client.ProducerRecord;
import dev.sidecommit.client.Sidecommit;
import dev.sidecommit.client.Subscription;

import java.util.List;

/**
 * Protobuf values: writes a payment to the topic `payments`, and processes what is there into
 * `receipts`. What is no payment goes to `payments.dead`, as it would fail again.
 */
public final class ProtobufValues {
    private Processor processor;

    private ProtobufValues() {}

    public static void main(String[] args) {
        new ProtobufValues().run();
    }

    private void run() {
        try (Sidecommit client = Sidecommit.connect()) {
            var payment = Money.newBuilder().setCurrencyCode("EUR").setUnits(10).build();
            client.run(
                    transaction ->
                            transaction.produce(
                                    ProducerRecord.builder("payments")
                                            .key("alice")
                                            .value(payment, Money::toByteArray)
                                            .build()));
            var subscription =
                    Subscription.builder("receipts")
                            .topics("payments")
                            .deadLetterTopic("payments.dead")
                            .build();
            processor = client.processor(subscription, this::receipt);
            System.out.println("settled " + processor.run());
        }
    }

    private List<ProducerRecord> receipt(ConsumerRecord record) throws Exception {
        // Not a Money: InvalidProtocolBufferException, and the record has failed.
        Money payment = record.value(Money::parseFrom);
        System.out.println(record.keyText() + " paid " + payment.getUnits());
        // One is enough for an example: what is being worked on is finished.
        processor.stop();
        return List.of(ProducerRecord.of("receipts", record.key(), payment.toByteArray()));
    }
}
