import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The command line that all contenders of `make bench` have in common; README.md beside their folders is its contract. */
final class Options {
    /** What a "transaction" is: one of Kafka's, or as many records that are awaited. */
    enum Kind { TRANSACTIONAL, IDEMPOTENT, PLAIN }

    private static final List<String> FLAGS = List.of("--pipeline");

    final String servers;
    final String topic;
    final Kind kind;
    final int producers;
    final int callers;
    final int records;
    final int recordSize;
    final double warmup;
    final double seconds;
    /** A pipeline's: where it reads, and as which group. */
    final boolean pipeline;
    final String input;
    final String group;

    private Options(Map<String, String> given) {
        servers = required(given, "--bootstrap-servers");
        topic = required(given, "--topic");
        kind = Kind.valueOf(given.getOrDefault("--kind", "transactional").toUpperCase(java.util.Locale.ROOT));
        producers = Integer.parseInt(given.getOrDefault("--producers", "1"));
        callers = Integer.parseInt(given.getOrDefault("--callers", "1"));
        records = Integer.parseInt(given.getOrDefault("--records", "1"));
        recordSize = Integer.parseInt(given.getOrDefault("--record-size", "1000"));
        warmup = Double.parseDouble(given.getOrDefault("--warmup", "2"));
        seconds = Double.parseDouble(given.getOrDefault("--seconds", "5"));
        pipeline = given.containsKey("--pipeline");
        input = pipeline ? required(given, "--input") : null;
        group = pipeline ? required(given, "--group") : null;
        if (producers < 1 || callers < producers || records < 1) {
            throw new IllegalArgumentException("want callers >= producers >= 1 and records >= 1");
        }
    }

    static Options parse(String[] args) {
        Map<String, String> given = new HashMap<>();
        for (int i = 0; i < args.length; i++) {
            if (FLAGS.contains(args[i])) {
                given.put(args[i], "");
            } else if (args[i].startsWith("--") && i + 1 < args.length) {
                given.put(args[i], args[++i]);
            } else {
                throw new IllegalArgumentException("want --OPTION VALUE, not " + args[i]);
            }
        }
        return new Options(given);
    }

    private static String required(Map<String, String> given, String name) {
        String value = given.get(name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }
}
