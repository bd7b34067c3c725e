"""Begin, Produce and Commit with what grpc_tools.protoc generates, over the socket and over TCP."""

import json
import os
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sidecommit.v1 import error_pb2, transaction_pb2, transaction_pb2_grpc, types_pb2

TOPIC = os.environ["SIDECOMMIT_TOPIC"]
TARGETS = {"unix": "unix:" + os.environ["SIDECOMMIT_SOCKET"], "tcp": os.environ["SIDECOMMIT_TCP"]}
CALL_SECONDS_MAX = 30


def records(tag):
    header = types_pb2.Header
    headers = [header(name="tag", value=tag.encode()), header(name="empty", value=b""), header(name="null")]
    return [
        types_pb2.Record(topic=TOPIC, key=f"{tag}/tombstone".encode()),
        types_pb2.Record(topic=TOPIC, key=f"{tag}/headers".encode(), value=b"value", headers=headers),
        types_pb2.Record(topic=TOPIC, key=b"", value=f"{tag}/empty-key".encode()),
    ]


def refusal(error):
    info, detail = error_details_pb2.ErrorInfo(), error_pb2.ErrorDetail()
    for packed in rpc_status.from_call(error).details:
        packed.Unpack(info)
        packed.Unpack(detail)
    return {
        "code": error.code().name,
        "domain": info.domain,
        "reason": info.reason,
        "next_action": error_pb2.NextAction.Name(detail.next_action),
        "next_sequence": detail.next_sequence,
    }


def transact(transport, channel):
    stub = transaction_pb2_grpc.TransactionServiceStub(channel)
    info = stub.GetServerInfo(transaction_pb2.GetServerInfoRequest(), timeout=CALL_SECONDS_MAX)
    begin = transaction_pb2.BeginRequest(request_id=str(uuid.uuid4()))
    transaction_id = stub.Begin(begin, timeout=CALL_SECONDS_MAX).transaction_id
    batch = records(f"python/{transport}")
    produce = transaction_pb2.ProduceRequest(transaction_id=transaction_id, sequence=0, records=batch)
    count = stub.Produce(produce, timeout=CALL_SECONDS_MAX).next_sequence

    wrong = transaction_pb2.CommitRequest(transaction_id=transaction_id, record_count=count + 1, offsets_count=0)
    refused = None
    try:
        stub.Commit(wrong, timeout=CALL_SECONDS_MAX)
    except grpc.RpcError as error:
        refused = refusal(error)
    commit = transaction_pb2.CommitRequest(transaction_id=transaction_id, record_count=count, offsets_count=0)
    reply = stub.Commit(commit, timeout=CALL_SECONDS_MAX)
    ranges = [
        {"partition": r.partition, "first_offset": r.first_offset, "last_offset": r.last_offset, "count": r.count}
        for r in reply.ranges
    ]
    print(json.dumps({
        "language": "python",
        "transport": transport,
        "identity": info.identity,
        "transaction_id": reply.transaction_id,
        "committed": reply.state == types_pb2.TRANSACTION_STATE_COMMITTED,
        "ranges": ranges,
        "refused": refused,
        "repeat_equal": stub.Commit(commit, timeout=CALL_SECONDS_MAX) == reply,
    }), flush=True)


for name, target in TARGETS.items():
    with grpc.insecure_channel(target) as opened:
        transact(name, opened)
