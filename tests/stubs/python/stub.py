"""Begin, Produce and Commit, and Consume, with what grpc_tools.protoc generates, over the socket and over TCP."""

import json
import os
import queue
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sidecommit.v1 import consume_pb2, consume_pb2_grpc, error_pb2, transaction_pb2, transaction_pb2_grpc, types_pb2

TOPIC = os.environ["SIDECOMMIT_TOPIC"]
# The topic that it reads, and the group that it reads as.
INPUT = f"{TOPIC}-python"
TARGETS = {"unix": "unix:" + os.environ["SIDECOMMIT_SOCKET"], "tcp": os.environ["SIDECOMMIT_TCP"]}
CALL_SECONDS_MAX = 30


def records(topic, tag):
    header = types_pb2.Header
    headers = [header(name="tag", value=tag.encode()), header(name="empty", value=b""), header(name="null")]
    return [
        types_pb2.Record(topic=topic, key=f"{tag}/tombstone".encode()),
        types_pb2.Record(topic=topic, key=f"{tag}/headers".encode(), value=b"value", headers=headers),
        types_pb2.Record(topic=topic, key=b"", value=f"{tag}/empty-key".encode()),
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
    batch = records(TOPIC, f"python/{transport}")
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


def read(channel, enough, settle):
    """Settles what is delivered; hangs up when there is nothing more and it was enough. Returns what was delivered."""
    said, delivered = queue.SimpleQueue(), []
    said.put(consume_pb2.ConsumeRequest(subscribe=consume_pb2.Subscribe(group_id=INPUT, topics=[INPUT])))
    said.put(consume_pb2.ConsumeRequest(credit=consume_pb2.Credit(deliveries=10)))
    stub = consume_pb2_grpc.ConsumeServiceStub(channel)
    for told in stub.Consume(iter(said.get, None), timeout=CALL_SECONDS_MAX):
        if told.HasField("delivery"):
            settle(told.delivery)
            delivered.extend(told.delivery.records)
        elif told.HasField("idle") and len(delivered) >= enough:
            said.put(None)
    return delivered


def settle(stub, delivery):
    """Copies a delivery in the transaction that settles it."""
    begin = transaction_pb2.BeginRequest(request_id=delivery.delivery_id)
    transaction_id = stub.Begin(begin, timeout=CALL_SECONDS_MAX).transaction_id
    send = transaction_pb2.SendOffsetsRequest(transaction_id=transaction_id, delivery_ids=[delivery.delivery_id])
    offsets_count = stub.SendOffsets(send, timeout=CALL_SECONDS_MAX).offsets_count
    copies = []
    for record in delivery.records:
        copy = types_pb2.Record(topic=TOPIC, headers=record.headers)
        # Absent is not empty.
        for name in ["key", "value"]:
            if record.HasField(name):
                setattr(copy, name, getattr(record, name))
        copies.append(copy)
    produce = transaction_pb2.ProduceRequest(transaction_id=transaction_id, sequence=0, records=copies)
    count = stub.Produce(produce, timeout=CALL_SECONDS_MAX).next_sequence
    commit = transaction_pb2.CommitRequest(
        transaction_id=transaction_id, record_count=count, offsets_count=offsets_count
    )
    stub.Commit(commit, timeout=CALL_SECONDS_MAX)


def copy(channel):
    stub = transaction_pb2_grpc.TransactionServiceStub(channel)
    fill = transaction_pb2.TransactRequest(idempotency_key=str(uuid.uuid4()), records=records(INPUT, "python/copy"))
    stub.Transact(fill, timeout=CALL_SECONDS_MAX)
    first = read(channel, len(fill.records), lambda delivery: settle(stub, delivery))
    second = read(channel, 0, lambda delivery: None)
    print(json.dumps({
        "language": "python",
        "transport": "copy",
        "offsets": [record.offset for record in first],
        "attempts": [record.attempt for record in first],
        "keys": [record.idempotency_key for record in first],
        "again": [record.offset for record in second],
    }), flush=True)


for name, target in TARGETS.items():
    with grpc.insecure_channel(target) as opened:
        transact(name, opened)
with grpc.insecure_channel(TARGETS["unix"]) as opened:
    copy(opened)
