package dev.sidecommit.client;

/**
 * How {@link Sidecommit#run(RunOptions, Work)} begins again. Objects do not change: each method
 * returns another one.
 *
 * @param attempts how many there are at most
 * @param onRetry is told of each but the last
 * @param transaction how each begins
 */
public record RunOptions(int attempts, RetryHook onRetry, TransactionOptions transaction) {
    private static final RunOptions DEFAULTS =
            new RunOptions(5, (attempt, error) -> true, TransactionOptions.defaults());

    /**
     * Any options.
     *
     * @param attempts 1 or more
     * @param onRetry is told of each attempt but the last
     * @param transaction how each attempt begins
     */
    public RunOptions {
        if (attempts < 1) {
            throw new IllegalArgumentException("attempts " + attempts + ": expected 1 or more");
        }
    }

    /**
     * Five attempts.
     *
     * @return the defaults
     */
    public static RunOptions defaults() {
        return DEFAULTS;
    }

    /**
     * How many attempts there are at most.
     *
     * @param attempts 1 or more
     * @return other options
     */
    public RunOptions attempts(int attempts) {
        return new RunOptions(attempts, onRetry, transaction);
    }

    /**
     * Who is told of an attempt that was aborted.
     *
     * @param onRetry may stop it
     * @return other options
     */
    public RunOptions onRetry(RetryHook onRetry) {
        return new RunOptions(attempts, onRetry, transaction);
    }

    /**
     * How each attempt begins.
     *
     * @param transaction a request id that is given here is the same in each attempt
     * @return other options
     */
    public RunOptions transaction(TransactionOptions transaction) {
        return new RunOptions(attempts, onRetry, transaction);
    }
}
