package dev.sidecommit.client;

/** Is told when a transaction is about to be begun again. */
@FunctionalInterface
public interface RetryHook {
    /**
     * Before the pause.
     *
     * @param attempt which attempt was aborted, from 1 on
     * @param error why
     * @return false to stop: the error is thrown then
     */
    boolean retry(int attempt, AbortedException error);
}
