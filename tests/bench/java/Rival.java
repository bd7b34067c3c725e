import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;

/** What `make bench` measures the sidecar against: the Java client. Producers with a thread each, which callers share. */
public final class Rival {
    private Rival() {}

    public static void main(String[] args) {
        try {
            Options options = Options.parse(args);
            System.out.println(options.pipeline ? Pipeline.run(options) : transactions(options));
        } catch (IllegalArgumentException e) {
            System.err.println("java: " + e.getMessage());
            System.exit(64);
        } catch (Throwable e) {
            System.err.println("java: " + e);
            e.printStackTrace();
            System.exit(1);
        }
        // Not by falling off the end: threads of a client that hangs in its close would keep this alive.
        System.exit(0);
    }

    private static String transactions(Options options) throws Exception {
        String run = "bench-java-" + UUID.randomUUID();
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < options.producers; i++) {
            workers.add(new Worker(options, run + "-" + i));
        }
        ExecutorService threads = Executors.newFixedThreadPool(options.producers);
        all(threads, workers, Worker::open).get();
        Window window = new Window(options);
        BlockingQueue<Long> asked = new LinkedBlockingQueue<>();
        for (int i = 0; i < options.callers; i++) {
            asked.add(System.nanoTime());
        }
        CompletableFuture<Void> work = all(threads, workers, worker -> worker.work(asked, window));
        window.announce(work);
        work.get();
        String figures = window.json();
        workers.forEach(Worker::close);
        return figures;
    }

    private interface Step {
        void of(Worker worker) throws Exception;
    }

    /** Each worker on a thread of its own. Ends when all have, or with the first failure. */
    private static CompletableFuture<Void> all(ExecutorService threads, List<Worker> workers, Step step) {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        CompletableFuture<?>[] each = workers.stream()
            .map(worker -> CompletableFuture.runAsync(() -> {
                try {
                    step.of(worker);
                } catch (Throwable e) {
                    ended.completeExceptionally(e);
                }
            }, threads))
            .toArray(CompletableFuture<?>[]::new);
        CompletableFuture.allOf(each).thenRun(() -> ended.complete(null));
        return ended;
    }
}
