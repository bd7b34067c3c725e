package dev.sidecommit.client;

import dev.sidecommit.client.Failure.Subject;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;

/** From futures to those who wait for them. */
final class Waiting {
    private Waiting() {}

    /** Waits. What failed is thrown as made here. */
    static <T> T join(Subject subject, CompletableFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            SidecommitException interrupted = Failure.interrupted(subject).exception();
            interrupted.initCause(e);
            throw interrupted;
        } catch (ExecutionException e) {
            throw thrown(cause(e));
        }
    }

    /**
     * The future as an application may have it: what it hangs on it runs on the executor, not on
     * gRPC's threads.
     */
    static <T> CompletableFuture<T> publish(CompletableFuture<T> future, Executor executor) {
        return future.handleAsync(
                (value, error) -> {
                    if (error != null) {
                        throw thrown(cause(error));
                    }
                    return value;
                },
                executor);
    }

    /** What an exception of a future's is about. */
    static Throwable cause(Throwable error) {
        boolean wrapped =
                error instanceof CompletionException || error instanceof ExecutionException;
        return wrapped && error.getCause() != null ? cause(error.getCause()) : error;
    }

    private static RuntimeException thrown(Throwable error) {
        if (error instanceof Failure failure) {
            return failure.exception();
        }
        if (error instanceof Error fatal) {
            throw fatal;
        }
        return error instanceof RuntimeException unchecked
                ? unchecked
                : new IllegalStateException(error);
    }
}
