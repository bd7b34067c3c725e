package dev.sidecommit.client;

import dev.sidecommit.v1.ConsumeRequest;
import dev.sidecommit.v1.ConsumeResponse;
import dev.sidecommit.v1.ConsumeServiceGrpc;
import dev.sidecommit.v1.Credit;
import dev.sidecommit.v1.Release;
import dev.sidecommit.v1.Subscribe;

import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;

/** One Consume stream. What is said on it comes from one thread; what is told is told on gRPC's. */
final class ConsumeStream {
    private final StreamObserver<ConsumeRequest> said;

    /** Who is told. */
    interface Listener {
        /** The sidecar said something. */
        void told(ConsumeStream from, ConsumeResponse response);

        /** It is over. */
        void ended(ConsumeStream from, Throwable error);
    }

    ConsumeStream(Connection connection, Subscribe subscribe, Listener listener) {
        connection.checkOpen();
        var call =
                connection
                        .channel()
                        .newCall(ConsumeServiceGrpc.getConsumeMethod(), connection.options(null));
        said = ClientCalls.asyncBidiStreamingCall(call, new Told(listener));
        said.onNext(ConsumeRequest.newBuilder().setSubscribe(subscribe).build());
    }

    void credit(int deliveries) {
        if (deliveries > 0) {
            said.onNext(
                    ConsumeRequest.newBuilder()
                            .setCredit(Credit.newBuilder().setDeliveries(deliveries))
                            .build());
        }
    }

    void release(String deliveryId) {
        said.onNext(
                ConsumeRequest.newBuilder()
                        .setRelease(Release.newBuilder().setDeliveryId(deliveryId))
                        .build());
    }

    void halfClose() {
        said.onCompleted();
    }

    void cancel() {
        said.onError(Status.CANCELLED.withDescription("not needed any more").asException());
    }

    private final class Told implements StreamObserver<ConsumeResponse> {
        private final Listener listener;

        Told(Listener listener) {
            this.listener = listener;
        }

        @Override
        public void onNext(ConsumeResponse response) {
            listener.told(ConsumeStream.this, response);
        }

        @Override
        public void onError(Throwable error) {
            listener.ended(ConsumeStream.this, error);
        }

        @Override
        public void onCompleted() {
            onError(Status.UNAVAILABLE.withDescription("the stream ended").asRuntimeException());
        }
    }
}
