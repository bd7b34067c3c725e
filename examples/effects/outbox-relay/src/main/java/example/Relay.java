package example;

import dev.sidecommit.client.AbortedException;
import dev.sidecommit.client.DeadlineExceededException;
import dev.sidecommit.client.Outcome;
import dev.sidecommit.client.ProducerRecord;
import dev.sidecommit.client.Sidecommit;
import dev.sidecommit.client.SidecommitException;
import dev.sidecommit.client.TransactOptions;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/** Sends the rows of the outbox, each once, those with the same key one after the other. */
public final class Relay {
    private final Sidecommit client;
    private List<String> waiting = List.of();

    private Relay(Sidecommit client) {
        this.client = client;
    }

    /** Runs until it is ended, in whatever way and at whatever moment. */
    public static void main(String[] args) throws InterruptedException {
        try (Sidecommit client = Sidecommit.connect()) {
            Relay relay = new Relay(client);
            while (true) {
                try (Outbox outbox = new Outbox(System.getenv("DATABASE_URL"))) {
                    relay.run(outbox);
                } catch (SQLException gone) {
                    say("the database: " + gone.getMessage());
                    TimeUnit.MILLISECONDS.sleep(200);
                }
            }
        }
    }

    private void run(Outbox outbox) throws SQLException {
        while (true) {
            client.waitReady(Duration.ofMinutes(1));
            String slot = client.serverInfo().getIdentity();
            List<Outbox.Row> rows = outbox.tried(slot);
            rows.forEach(row -> say("tried again: " + row.id()));
            rows.addAll(outbox.claim(slot));
            if (rows.isEmpty()) {
                tellWhoWaits(outbox.elsewhere(slot));
                outbox.await();
            } else {
                send(outbox, rows);
            }
        }
    }

    /** Sends all at once. What has no answer then is tried again in the next round, with the time of its first attempt. */
    private void send(Outbox outbox, List<Outbox.Row> rows) throws SQLException {
        Map<Long, CompletableFuture<Outcome>> answers = new LinkedHashMap<>();
        rows.forEach(row -> answers.put(row.id(), send(row)));
        List<Long> sent = new ArrayList<>();
        for (var answer : answers.entrySet()) {
            try {
                answer.getValue().join();
                sent.add(answer.getKey());
            } catch (CompletionException failed) {
                if (!(failed.getCause() instanceof SidecommitException refusal)) {
                    throw failed;
                }
                boolean later = refusal instanceof AbortedException || refusal instanceof DeadlineExceededException;
                say((later ? "not sent yet: " : "refused: ") + answer.getKey() + ": " + refusal.getMessage());
                if (!later) {
                    outbox.refused(answer.getKey(), refusal.getMessage());
                }
            }
        }
        outbox.sent(sent);
    }

    private CompletableFuture<Outcome> send(Outbox.Row row) {
        String id = Long.toString(row.id());
        ProducerRecord record = ProducerRecord.builder(row.topic())
                .key(row.key())
                .value(row.value())
                .header("outbox-id", id)
                .build();
        TransactOptions options = row.firstAttempt()
                .map(TransactOptions.defaults()::firstAttemptTime)
                .orElse(TransactOptions.defaults());
        return client.transactAsync(List.of(record), "outbox/" + id, options);
    }

    /** What was tried with another slot is for that slot's relay to finish, see README.md. */
    private void tellWhoWaits(List<String> slots) {
        if (!slots.equals(waiting)) {
            waiting = slots;
            say(slots.isEmpty() ? "no key waits for another slot" : "keys that wait for another slot: " + slots);
        }
    }

    private static void say(String words) {
        System.out.println(Instant.now() + " " + words);
    }
}
