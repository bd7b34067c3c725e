import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import dev.sidecommit.v1.*;
import dev.sidecommit.v1.Record;

/** Begin, Produce and Commit, and Consume, with what protoc and protoc-gen-grpc-java generate, over the socket and over TCP. */
public final class Stub {
    private static final String TOPIC = System.getenv("SIDECOMMIT_TOPIC");
    /** The topic that it reads, and the group that it reads as. */
    private static final String INPUT = TOPIC + "-java";

    public static void main(String[] args) throws Exception {
        String socket = "unix://" + System.getenv("SIDECOMMIT_SOCKET");
        transact("unix", socket);
        transact("tcp", System.getenv("SIDECOMMIT_TCP"));
        copy(socket);
    }

    private static ManagedChannel connect(String target) {
        return Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
    }

    private static void transact(String transport, String target) throws Exception {
        ManagedChannel channel = connect(target);
        var stub = TransactionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        var info = stub.getServerInfo(GetServerInfoRequest.getDefaultInstance());
        var begin = BeginRequest.newBuilder().setRequestId(UUID.randomUUID().toString()).build();
        String id = stub.begin(begin).getTransactionId();
        var produce = ProduceRequest.newBuilder().setTransactionId(id).addAllRecords(records(TOPIC, "java/" + transport)).build();
        long count = stub.produce(produce).getNextSequence();

        var commit = CommitRequest.newBuilder().setTransactionId(id).setRecordCount(count).setOffsetsCount(0).build();
        Map<String, Object> refused = null;
        try {
            stub.commit(commit.toBuilder().setRecordCount(count + 1).build());
        } catch (StatusRuntimeException error) {
            refused = refusal(error);
        }
        CommitResponse reply = stub.commit(commit);
        var line = new LinkedHashMap<String, Object>();
        line.put("language", "java");
        line.put("transport", transport);
        line.put("identity", info.getIdentity());
        line.put("transaction_id", reply.getTransactionId());
        line.put("committed", reply.getState() == TransactionState.TRANSACTION_STATE_COMMITTED);
        line.put("ranges", reply.getRangesList().stream().map(Stub::range).toList());
        line.put("refused", refused);
        line.put("repeat_equal", stub.commit(commit).equals(reply));
        System.out.println(new Gson().toJson(line));
        channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }

    private static void copy(String target) throws Exception {
        ManagedChannel channel = connect(target);
        var stub = TransactionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        var batch = records(INPUT, "java/copy");
        var fill = TransactRequest.newBuilder().setIdempotencyKey(UUID.randomUUID().toString()).addAllRecords(batch);
        stub.transact(fill.build());
        var first = read(channel, batch.size(), delivery -> settle(stub, delivery));
        var second = read(channel, 0, delivery -> { });
        var line = new LinkedHashMap<String, Object>();
        line.put("language", "java");
        line.put("transport", "copy");
        line.put("offsets", first.stream().map(ConsumedRecord::getOffset).toList());
        line.put("attempts", first.stream().map(ConsumedRecord::getAttempt).toList());
        line.put("keys", first.stream().map(ConsumedRecord::getIdempotencyKey).toList());
        line.put("again", second.stream().map(ConsumedRecord::getOffset).toList());
        System.out.println(new Gson().toJson(line));
        channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }

    /** Settles what is delivered; hangs up when there is nothing more and it was enough. Returns what was delivered. */
    private static List<ConsumedRecord> read(ManagedChannel channel, int enough, Consumer<Delivery> settle) throws Exception {
        var told = new LinkedBlockingQueue<Optional<ConsumeResponse>>();
        var stub = ConsumeServiceGrpc.newStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        var said = stub.consume(new StreamObserver<ConsumeResponse>() {
            @Override public void onNext(ConsumeResponse response) {
                told.add(Optional.of(response));
            }

            @Override public void onError(Throwable error) {
                error.printStackTrace();
                told.add(Optional.empty());
            }

            @Override public void onCompleted() {
                told.add(Optional.empty());
            }
        });
        var subscribe = Subscribe.newBuilder().setGroupId(INPUT).addTopics(INPUT);
        said.onNext(ConsumeRequest.newBuilder().setSubscribe(subscribe).build());
        said.onNext(ConsumeRequest.newBuilder().setCredit(Credit.newBuilder().setDeliveries(10)).build());
        var delivered = new ArrayList<ConsumedRecord>();
        for (var next = told.take(); next.isPresent(); next = told.take()) {
            if (next.get().hasDelivery()) {
                settle.accept(next.get().getDelivery());
                delivered.addAll(next.get().getDelivery().getRecordsList());
            } else if (next.get().hasIdle() && delivered.size() >= enough) {
                said.onCompleted();
            }
        }
        return delivered;
    }

    /** Copies a delivery in the transaction that settles it. */
    private static void settle(TransactionServiceGrpc.TransactionServiceBlockingStub stub, Delivery delivery) {
        String id = stub.begin(BeginRequest.newBuilder().setRequestId(delivery.getDeliveryId()).build()).getTransactionId();
        var send = SendOffsetsRequest.newBuilder().setTransactionId(id).addDeliveryIds(delivery.getDeliveryId()).build();
        long offsets = stub.sendOffsets(send).getOffsetsCount();
        var produce = ProduceRequest.newBuilder().setTransactionId(id);
        for (ConsumedRecord record : delivery.getRecordsList()) {
            var copy = produce.addRecordsBuilder().setTopic(TOPIC).addAllHeaders(record.getHeadersList());
            // Absent is not empty.
            if (record.hasKey()) {
                copy.setKey(record.getKey());
            }
            if (record.hasValue()) {
                copy.setValue(record.getValue());
            }
        }
        long count = stub.produce(produce.build()).getNextSequence();
        stub.commit(CommitRequest.newBuilder().setTransactionId(id).setRecordCount(count).setOffsetsCount(offsets).build());
    }

    private static List<Record> records(String topic, String tag) {
        return List.of(
            Record.newBuilder().setTopic(topic).setKey(utf8(tag + "/tombstone")).build(),
            Record.newBuilder().setTopic(topic).setKey(utf8(tag + "/headers")).setValue(utf8("value"))
                .addHeaders(Header.newBuilder().setName("tag").setValue(utf8(tag)))
                .addHeaders(Header.newBuilder().setName("empty").setValue(ByteString.EMPTY))
                .addHeaders(Header.newBuilder().setName("null"))
                .build(),
            Record.newBuilder().setTopic(topic).setKey(ByteString.EMPTY).setValue(utf8(tag + "/empty-key")).build());
    }

    private static Map<String, Object> refusal(StatusRuntimeException error) throws Exception {
        var refused = new LinkedHashMap<String, Object>();
        refused.put("code", error.getStatus().getCode().name());
        for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
            if (detail.is(ErrorInfo.class)) {
                var info = detail.unpack(ErrorInfo.class);
                refused.put("domain", info.getDomain());
                refused.put("reason", info.getReason());
            } else if (detail.is(ErrorDetail.class)) {
                var ours = detail.unpack(ErrorDetail.class);
                refused.put("next_action", ours.getNextAction().name());
                refused.put("next_sequence", ours.getNextSequence());
            }
        }
        return refused;
    }

    private static Map<String, Object> range(PartitionRange range) {
        return Map.of("partition", range.getPartition(), "first_offset", range.getFirstOffset(),
            "last_offset", range.getLastOffset(), "count", range.getCount());
    }

    private static ByteString utf8(String text) {
        return ByteString.copyFromUtf8(text);
    }
}
