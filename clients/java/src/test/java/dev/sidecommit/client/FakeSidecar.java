package dev.sidecommit.client;

import com.google.protobuf.Any;

import dev.sidecommit.v1.AbortRequest;
import dev.sidecommit.v1.AbortResponse;
import dev.sidecommit.v1.BeginRequest;
import dev.sidecommit.v1.BeginResponse;
import dev.sidecommit.v1.CommitRequest;
import dev.sidecommit.v1.CommitResponse;
import dev.sidecommit.v1.ErrorDetail;
import dev.sidecommit.v1.GetServerInfoRequest;
import dev.sidecommit.v1.GetServerInfoResponse;
import dev.sidecommit.v1.KeepAliveRequest;
import dev.sidecommit.v1.KeepAliveResponse;
import dev.sidecommit.v1.NextAction;
import dev.sidecommit.v1.ProduceStreamRequest;
import dev.sidecommit.v1.ProduceStreamResponse;
import dev.sidecommit.v1.Reason;
import dev.sidecommit.v1.ServerLimits;
import dev.sidecommit.v1.ServingState;
import dev.sidecommit.v1.TransactRequest;
import dev.sidecommit.v1.TransactResponse;
import dev.sidecommit.v1.TransactionServiceGrpc.TransactionServiceImplBase;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * A sidecar that accepts everything, but for the refusals that a test lines up; it remembers what
 * it was sent.
 */
final class FakeSidecar extends TransactionServiceImplBase implements AutoCloseable {
    final List<Object> heard = Collections.synchronizedList(new ArrayList<>());

    /** What the next calls are told instead of an answer. */
    final Deque<StatusRuntimeException> refusals = new ConcurrentLinkedDeque<>();

    private final Server server;
    private volatile long accepted;

    FakeSidecar() throws IOException {
        server =
                Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
                        .addService(this)
                        .build()
                        .start();
    }

    String address() {
        return "127.0.0.1:" + server.getPort();
    }

    static StatusRuntimeException refusal(Status.Code code, Reason reason, NextAction action) {
        return refusal(code, ErrorDetail.newBuilder().setReason(reason).setNextAction(action));
    }

    static StatusRuntimeException refusal(Status.Code code, ErrorDetail.Builder detail) {
        return StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                        .setCode(code.value())
                        .setMessage("so it is")
                        .addDetails(Any.pack(detail.build()))
                        .build());
    }

    <T> List<T> heard(Class<T> type) {
        synchronized (heard) {
            return heard.stream().filter(type::isInstance).map(type::cast).toList();
        }
    }

    @Override
    public void getServerInfo(
            GetServerInfoRequest request, StreamObserver<GetServerInfoResponse> answers) {
        heard.add(request);
        var idle = com.google.protobuf.Duration.newBuilder().setNanos(300_000_000);
        answers.onNext(
                GetServerInfoResponse.newBuilder()
                        .setState(ServingState.SERVING_STATE_READY)
                        .setLimits(ServerLimits.newBuilder().setIdleTimeout(idle))
                        .build());
        answers.onCompleted();
    }

    @Override
    public void begin(BeginRequest request, StreamObserver<BeginResponse> answers) {
        int number = heard(BeginRequest.class).size() + 1;
        accepted = 0;
        answer(
                request,
                answers,
                BeginResponse.newBuilder().setTransactionId("tx-" + number).build());
    }

    @Override
    public void transact(TransactRequest request, StreamObserver<TransactResponse> answers) {
        answer(request, answers, TransactResponse.newBuilder().setTransactionId("tx").build());
    }

    @Override
    public void commit(CommitRequest request, StreamObserver<CommitResponse> answers) {
        answer(
                request,
                answers,
                CommitResponse.newBuilder().setTransactionId(request.getTransactionId()).build());
    }

    @Override
    public void abort(AbortRequest request, StreamObserver<AbortResponse> answers) {
        answer(
                request,
                answers,
                AbortResponse.newBuilder().setTransactionId(request.getTransactionId()).build());
    }

    @Override
    public void keepAlive(KeepAliveRequest request, StreamObserver<KeepAliveResponse> answers) {
        // Comes when it likes: the refusals are for others.
        heard.add(request);
        answers.onNext(KeepAliveResponse.getDefaultInstance());
        answers.onCompleted();
    }

    @Override
    public StreamObserver<ProduceStreamRequest> produceStream(
            StreamObserver<ProduceStreamResponse> answers) {
        return new StreamObserver<>() {
            private boolean refused;

            @Override
            public void onNext(ProduceStreamRequest message) {
                if (refused) {
                    return;
                }
                heard.add(message);
                StatusRuntimeException refusal = refusals.poll();
                if (refusal != null) {
                    refused = true;
                    answers.onError(refusal);
                    return;
                }
                accepted = Math.max(accepted, message.getSequence() + message.getRecordsCount());
                answers.onNext(
                        ProduceStreamResponse.newBuilder().setNextSequence(accepted).build());
            }

            @Override
            public void onError(Throwable gone) {
                refused = true;
            }

            @Override
            public void onCompleted() {
                if (!refused) {
                    answers.onCompleted();
                }
            }
        };
    }

    @Override
    public void close() {
        server.shutdownNow();
    }

    private <T> void answer(Object request, StreamObserver<T> answers, T response) {
        heard.add(request);
        StatusRuntimeException refusal = refusals.poll();
        if (refusal != null) {
            answers.onError(refusal);
            return;
        }
        answers.onNext(response);
        answers.onCompleted();
    }
}
