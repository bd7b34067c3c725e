import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import sidecommit.v1.*;
import sidecommit.v1.Record;

/** Begin, Produce and Commit with what protoc and protoc-gen-grpc-java generate, over the socket and over TCP. */
public final class Stub {
    private static final String TOPIC = System.getenv("SIDECOMMIT_TOPIC");

    public static void main(String[] args) throws Exception {
        transact("unix", "unix://" + System.getenv("SIDECOMMIT_SOCKET"));
        transact("tcp", System.getenv("SIDECOMMIT_TCP"));
    }

    private static void transact(String transport, String target) throws Exception {
        ManagedChannel channel = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
        var stub = TransactionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        var info = stub.getServerInfo(GetServerInfoRequest.getDefaultInstance());
        var begin = BeginRequest.newBuilder().setRequestId(UUID.randomUUID().toString()).build();
        String id = stub.begin(begin).getTransactionId();
        var produce = ProduceRequest.newBuilder().setTransactionId(id).addAllRecords(records("java/" + transport)).build();
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

    private static List<Record> records(String tag) {
        return List.of(
            Record.newBuilder().setTopic(TOPIC).setKey(utf8(tag + "/tombstone")).build(),
            Record.newBuilder().setTopic(TOPIC).setKey(utf8(tag + "/headers")).setValue(utf8("value"))
                .addHeaders(Header.newBuilder().setName("tag").setValue(utf8(tag)))
                .addHeaders(Header.newBuilder().setName("empty").setValue(ByteString.EMPTY))
                .addHeaders(Header.newBuilder().setName("null"))
                .build(),
            Record.newBuilder().setTopic(TOPIC).setKey(ByteString.EMPTY).setValue(utf8(tag + "/empty-key")).build());
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
