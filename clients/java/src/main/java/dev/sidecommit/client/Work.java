package dev.sidecommit.client;

/**
 * What is done in a transaction.
 *
 * @param <E> what it throws besides unchecked exceptions
 */
@FunctionalInterface
public interface Work<E extends Exception> {
    /**
     * Once in each attempt; it may be called again in a new transaction, after nothing of the one
     * before became visible.
     *
     * @param transaction is committed afterwards, and aborted after an exception
     * @throws E aborts, and is thrown on
     */
    void in(Transaction transaction) throws E;
}
