package dev.sidecommit.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.sidecommit.client.Outcome;
import dev.sidecommit.client.ProducerRecord;
import dev.sidecommit.client.RunOptions;
import dev.sidecommit.client.SidecommitException;
import dev.sidecommit.client.TopicPartition;
import dev.sidecommit.client.TransactOptions;
import dev.sidecommit.client.Transaction;
import dev.sidecommit.client.TransactionOptions;
import dev.sidecommit.client.TransactionRef;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The commands about transactions. */
final class Transactions {
    private final Driver driver;

    Transactions(Driver driver) {
        this.driver = driver;
    }

    /** A scope: run for several attempts, else begin. */
    ObjectNode scope(JsonNode command) throws Exception {
        var options = TransactionOptions.defaults();
        if (command.hasNonNull("request_id")) {
            options = options.requestId(command.get("request_id").asText());
        }
        if (command.path("timeout_ms").asLong() > 0) {
            options = options.timeout(Duration.ofMillis(command.get("timeout_ms").asLong()));
        }
        if (command.path("deadline_ms").asLong() > 0) {
            options = options.deadline(Duration.ofMillis(command.get("deadline_ms").asLong()));
        }
        int[] attempts = {0};
        try {
            Outcome outcome = scope(command, options, attempts);
            return Answers.committed(outcome).put("attempts", attempts[0]);
        } catch (SidecommitException | Answers.ApplicationException e) {
            throw new Attempted(e, attempts[0]);
        }
    }

    private Outcome scope(JsonNode command, TransactionOptions options, int[] attempts)
            throws Exception {
        if (command.path("attempts").asInt(1) > 1) {
            var run =
                    RunOptions.defaults()
                            .attempts(command.get("attempts").asInt())
                            .transaction(options);
            return driver.client()
                    .run(run, transaction -> work(command, transaction, ++attempts[0]));
        }
        attempts[0]++;
        try (Transaction transaction = driver.client().begin(options)) {
            work(command, transaction, 1);
            return transaction.commit();
        }
    }

    private void work(JsonNode command, Transaction transaction, int attempt) throws Exception {
        records(command).forEach(transaction::produce);
        JsonNode generate = command.path("generate");
        for (int i = 0; i < generate.path("count").asInt(); i++) {
            transaction.produce(
                    generate.get("topic").asText(),
                    utf8("" + i),
                    generated(i, generate.get("size").asInt()));
        }
        JsonNode offsets = command.path("offsets");
        if (offsets.has("group_id")) {
            transaction.sendOffsets(offsets.get("group_id").asText(), offsets(offsets));
        }
        if (command.path("hold_ms").asLong() > 0) {
            Thread.sleep(command.get("hold_ms").asLong());
        }
        if (command.path("pause").asBoolean() && attempt == 1) {
            transaction.flush();
            var paused = Driver.object().put("transaction_id", transaction.id());
            driver.event(command.path("id").asInt(), "paused", paused);
            driver.awaitContinue();
        }
        if (command.path("end").asText().equals("throw")) {
            throw new Answers.ApplicationException();
        }
    }

    ObjectNode transact(JsonNode command) {
        var options = TransactOptions.defaults();
        if (command.path("first_attempt_ms").asLong() > 0) {
            options =
                    options.firstAttemptTime(
                            Instant.ofEpochMilli(command.get("first_attempt_ms").asLong()));
        }
        if (command.path("attempts").asInt() > 0) {
            options = options.attempts(command.get("attempts").asInt());
        }
        if (command.path("deadline_ms").asLong() > 0) {
            options = options.deadline(Duration.ofMillis(command.get("deadline_ms").asLong()));
        }
        return Answers.committed(
                driver.client().transact(records(command), command.path("key").asText(), options));
    }

    ObjectNode outcome(JsonNode command) {
        TransactionRef transaction;
        if (command.hasNonNull("transaction_id")) {
            transaction = TransactionRef.id(command.get("transaction_id").asText());
        } else if (command.hasNonNull("request_id")) {
            transaction = TransactionRef.requestId(command.get("request_id").asText());
        } else {
            transaction = TransactionRef.idempotencyKey(command.path("key").asText());
        }
        return Answers.outcome(
                driver.client().getOutcome(transaction, command.path("wait").asBoolean(true)));
    }

    private static List<ProducerRecord> records(JsonNode command) {
        List<ProducerRecord> records = new ArrayList<>();
        for (JsonNode given : command.path("records")) {
            var record = ProducerRecord.builder(given.get("topic").asText());
            record.key(bytes(given.path("key"))).value(bytes(given.path("value")));
            if (given.hasNonNull("partition")) {
                record.partition(given.get("partition").asInt());
            }
            if (given.hasNonNull("timestamp_ms")) {
                record.timestampMs(given.get("timestamp_ms").asLong());
            }
            for (JsonNode header : given.path("headers")) {
                record.header(header.get(0).asText(), bytes(header.get(1)));
            }
            records.add(record.build());
        }
        return records;
    }

    private static Map<TopicPartition, Long> offsets(JsonNode given) {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        for (JsonNode each : given.get("offsets")) {
            var partition =
                    new TopicPartition(each.get("topic").asText(), each.get("partition").asInt());
            offsets.put(partition, each.get("offset").asLong());
        }
        return offsets;
    }

    private static byte[] generated(int number, int size) {
        String digits = Integer.toString(number);
        return utf8(digits + ".".repeat(Math.max(0, size - digits.length())));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] bytes(JsonNode base64) {
        return base64.isTextual() ? Base64.getDecoder().decode(base64.asText()) : null;
    }

    /** An error, and how often it was tried. */
    static final class Attempted extends Exception {
        private static final long serialVersionUID = 1;
        final int attempts;

        Attempted(Exception cause, int attempts) {
            super(cause);
            this.attempts = attempts;
        }
    }
}
