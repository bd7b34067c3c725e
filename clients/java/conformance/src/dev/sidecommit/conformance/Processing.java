package dev.sidecommit.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.sidecommit.client.ConsumerRecord;
import dev.sidecommit.client.Processor;
import dev.sidecommit.client.ProducerRecord;
import dev.sidecommit.client.Subscription;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** The command `process`, which goes on in the background, and `stop`. */
final class Processing {
    private final Driver driver;
    private Processor processor;

    /** Of the command that stopped it; 0: none did. */
    private int stoppedBy;

    Processing(Driver driver) {
        this.driver = driver;
    }

    synchronized ObjectNode start(JsonNode command) {
        var subscription = Subscription.builder(command.get("group_id").asText());
        command.get("topics").forEach(topic -> subscription.topics(topic.asText()));
        if (command.path("max_attempts").asInt() > 0) {
            subscription.maxAttempts(command.get("max_attempts").asInt());
        }
        if (command.path("backoff_ms").asLong() > 0) {
            subscription.backoff(Duration.ofMillis(command.get("backoff_ms").asLong()));
        }
        if (command.hasNonNull("dead_letter_topic")) {
            subscription.deadLetterTopic(command.get("dead_letter_topic").asText());
        }
        if (command.path("max_records").asInt() > 0) {
            subscription.maxRecords(command.get("max_records").asInt());
        }
        byte[] poison = Transactions.bytes(command.path("poison"));
        String output = command.get("output").asText();
        processor =
                command.path("batch").asBoolean()
                        ? driver.client()
                                .batchProcessor(
                                        subscription.build(),
                                        records ->
                                                records.stream()
                                                        .map(record -> copy(record, output, poison))
                                                        .toList())
                        : driver.client()
                                .processor(
                                        subscription.build(),
                                        record -> List.of(copy(record, output, poison)));
        stoppedBy = 0;
        Processor running = processor;
        new Thread(() -> run(running, command.path("id").asInt()), "process").start();
        return Driver.object();
    }

    synchronized void stop(int id) {
        stoppedBy = id;
        processor.stop();
    }

    private void run(Processor running, int id) {
        ObjectNode ended = Driver.object();
        try {
            ended.put("settled", running.run());
        } catch (RuntimeException e) {
            ended.set("error", Answers.error(e));
        }
        int command;
        synchronized (this) {
            command = stoppedBy;
        }
        if (command != 0) {
            ObjectNode answer = Driver.object().put("id", command);
            answer.set(
                    ended.has("error") ? "error" : "ok",
                    ended.has("error") ? ended.get("error") : ended);
            driver.say(answer);
            return;
        }
        boolean failed = ended.has("error");
        driver.event(id, "stopped", ended);
        if (!failed) {
            // By a signal.
            driver.end();
        }
    }

    private static ProducerRecord copy(ConsumerRecord record, String output, byte[] poison) {
        if (poison != null && Arrays.equals(record.value(), poison)) {
            throw new IllegalArgumentException("poison at " + record);
        }
        var copy = ProducerRecord.builder(output).key(record.key()).value(record.value());
        String driver = System.getenv("SIDECOMMIT_DRIVER");
        if (driver != null) {
            copy.header("driver", driver);
        }
        // The trace is the client's to pass on.
        var trace = W3CTraceContextPropagator.getInstance().fields();
        copy.headers(
                record.headers().stream()
                        .filter(header -> !trace.contains(header.name()))
                        .toList());
        var seen = Span.current().getSpanContext();
        if (seen.isValid()) {
            copy.header("seen-traceparent", seen.getTraceId());
        }
        return copy.build();
    }
}
