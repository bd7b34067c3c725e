from __future__ import annotations

import itertools

import pytest

from sidecommit._core import wire
from sidecommit.v1 import transaction_pb2, types_pb2

# Absent, empty, and lengths on both sides of where a varint gets longer.
LENGTHS = (None, 0, 1, 127, 128, 16_383, 16_384)
TOPICS = ("t", "a" * 249, "th\u00e9me-\U0001f600")


def payload(length: int | None, fill: int) -> bytes | None:
    return None if length is None else bytes([fill]) * length


def read(*records: tuple[bytes, ...]) -> transaction_pb2.ProduceStreamRequest:
    packed = wire.request("tx-1", 7, itertools.chain.from_iterable(records))
    return transaction_pb2.ProduceStreamRequest.FromString(packed)


@pytest.mark.parametrize("topic", TOPICS)
def test_plain_records_are_what_generated_code_reads(topic: str) -> None:
    pairs = [(payload(value, 1), payload(key, 2)) for value, key in itertools.product(LENGTHS, LENGTHS)]
    expected = transaction_pb2.ProduceStreamRequest(
        transaction_id="tx-1",
        sequence=7,
        records=[types_pb2.Record(topic=topic, value=value, key=key) for value, key in pairs],
    )
    assert read(*(wire.plain(topic, value, key) for value, key in pairs)) == expected


@pytest.mark.parametrize("length", [0, 100, 128, 20_000])
def test_any_record_is_what_generated_code_reads(length: int) -> None:
    record = types_pb2.Record(
        topic="t",
        value=bytes(length),
        headers=[types_pb2.Header(name="h", value=b"v"), types_pb2.Header(name="h"), types_pb2.Header(name="", value=b"")],
        partition=0,
        timestamp_ms=-1,
    )
    assert list(read(wire.whole(record), wire.plain("t", None, None)).records) == [record, types_pb2.Record(topic="t")]


@pytest.mark.parametrize("topic", [1, ["t"], "\ud800"])
def test_what_is_no_topic_is_refused(topic: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        wire.plain(topic, b"v", None)
