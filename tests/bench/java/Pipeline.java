import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.ConsumerRecords;

/** Topic to topic: one consumer and one transactional producer. What a poll returns is a transaction. */
final class Pipeline {
    /** Joining a group and finding its offsets takes a while. */
    private static final Duration JOIN_PATIENCE = Duration.ofSeconds(60);
    /** Input that is there comes sooner. */
    private static final Duration INPUT_PATIENCE = Duration.ofSeconds(3);

    private Pipeline() {}

    static String run(Options options) throws Exception {
        String id = "bench-java-" + UUID.randomUUID();
        try (Copier copier = new Copier(options.servers, options.topic, options.group, id, options.records)) {
            copier.open(options.input);
            // Joining the group is not what is measured, and so not even part of the warm-up.
            if (copier.copy(copier.poll(JOIN_PATIENCE)) == 0) {
                throw new IllegalStateException("nothing was copied");
            }
            Window window = new Window(options);
            CompletableFuture<Void> work = CompletableFuture.runAsync(() -> work(copier, window));
            window.announce(work);
            work.get();
            return window.json();
        }
    }

    /** Until the window is over, or the input is. */
    private static void work(Copier copier, Window window) {
        while (true) {
            ConsumerRecords<byte[], byte[]> records = copier.poll(INPUT_PATIENCE);
            long began = System.nanoTime();
            if (window.isOverAt(began)) {
                return;
            }
            if (records.isEmpty()) {
                System.err.println("java: the input ended before the window did");
                return;
            }
            int copied = copier.copy(records);
            if (copied == 0) {
                throw new IllegalStateException("a transaction was aborted");
            }
            window.count(began, began, System.nanoTime(), copied);
        }
    }
}
