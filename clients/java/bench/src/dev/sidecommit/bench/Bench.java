package dev.sidecommit.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Measures a contender: large transactions one after the other, or many callers with small ones.
 */
public final class Bench {
    private static final int BULK_RECORDS = 10_000;
    private static final int BULK_BYTES = 1_000;
    private static final int SMALL_BYTES = 100;
    private static final int SMALL_CALLERS = 32;

    /** Transactions of each caller before the measurement: the JIT has to have seen all. */
    private static final int SMALL_WARM_UP = 50;

    private static final int BULK_WARM_UP = 3;
    private static final String USAGE = "usage: sidecommit|native bulk|small --topic T --seconds S";

    private Bench() {}

    public static void main(String[] args) throws Exception {
        if (args.length != 6 || !args[2].equals("--topic") || !args[4].equals("--seconds")) {
            System.err.println(USAGE);
            System.exit(64);
        }
        boolean bulk = args[1].equals("bulk");
        Window window = new Window(Long.parseLong(args[5]));
        try (Contender contender = args[0].equals("native") ? new Native(bulk) : new Client(bulk)) {
            if (bulk) {
                bulk(contender, args[3], window);
            } else {
                small(contender, args[3], window);
            }
        }
        System.out.println(window.json());
    }

    private static void bulk(Contender contender, String topic, Window window) throws Exception {
        List<byte[]> values = values(BULK_RECORDS, BULK_BYTES);
        for (int i = 0; i < BULK_WARM_UP; i++) {
            contender.transaction(topic, values);
        }
        window.open();
        do {
            contender.transaction(topic, values);
            window.count(BULK_RECORDS);
        } while (!window.isOver());
    }

    private static void small(Contender contender, String topic, Window window) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(SMALL_CALLERS);
        List<byte[]> values = values(1, SMALL_BYTES);
        all(
                threads,
                () -> {
                    for (int i = 0; i < SMALL_WARM_UP; i++) {
                        contender.transaction(topic, values);
                    }
                    return null;
                });
        window.open();
        all(
                threads,
                () -> {
                    while (!window.isOver()) {
                        contender.transaction(topic, values);
                        window.count(1);
                    }
                    return null;
                });
        threads.shutdown();
    }

    private static void all(ExecutorService threads, Callable<Void> caller) throws Exception {
        List<Callable<Void>> callers = new ArrayList<>();
        for (int i = 0; i < SMALL_CALLERS; i++) {
            callers.add(caller);
        }
        for (Future<Void> ended : threads.invokeAll(callers)) {
            ended.get();
        }
    }

    private static List<byte[]> values(int count, int size) {
        Random random = new Random();
        List<byte[]> values = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] value = new byte[size];
            random.nextBytes(value);
            values.add(value);
        }
        return values;
    }
}
