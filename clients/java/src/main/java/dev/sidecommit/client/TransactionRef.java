package dev.sidecommit.client;

import dev.sidecommit.v1.GetTransactionRequest;

import java.io.Serializable;

/** A transaction by one of its names. */
public final class TransactionRef implements Serializable {
    private static final long serialVersionUID = 1;

    /** Has exactly one of the names. */
    private final GetTransactionRequest request;

    private TransactionRef(GetTransactionRequest.Builder request) {
        this.request = request.build();
    }

    /**
     * By the id that the sidecar gave it.
     *
     * @param id of {@link Transaction#id()} or {@link Outcome#transactionId()}
     * @return the reference
     */
    public static TransactionRef id(String id) {
        return new TransactionRef(GetTransactionRequest.newBuilder().setTransactionId(id));
    }

    /**
     * By the name that the application gave it at its begin.
     *
     * @param requestId of {@link TransactionOptions}
     * @return the reference
     */
    public static TransactionRef requestId(String requestId) {
        return new TransactionRef(GetTransactionRequest.newBuilder().setRequestId(requestId));
    }

    /**
     * By the key of a transact.
     *
     * @param key as given to {@link Sidecommit#transact}
     * @return the reference
     */
    public static TransactionRef idempotencyKey(String key) {
        return new TransactionRef(GetTransactionRequest.newBuilder().setIdempotencyKey(key));
    }

    GetTransactionRequest request(boolean wait) {
        return request.toBuilder().setWait(wait).build();
    }

    @Override
    public String toString() {
        return switch (request.getByCase()) {
            case TRANSACTION_ID -> "transaction " + request.getTransactionId();
            case REQUEST_ID -> "request_id " + request.getRequestId();
            default -> "idempotency_key " + request.getIdempotencyKey();
        };
    }
}
