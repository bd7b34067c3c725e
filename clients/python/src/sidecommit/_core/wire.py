"""Records as their bytes in a ProduceStreamRequest.

Written by hand, because generated messages took more time than all else that `produce` does: values are copied once here,
when their batch is joined, and nothing is made for a record but a tuple of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ..v1 import transaction_pb2, types_pb2

_SERVICE = transaction_pb2.DESCRIPTOR.services_by_name["TransactionService"]
_PRODUCE_STREAM = f"/{_SERVICE.full_name}/{_SERVICE.methods_by_name['ProduceStream'].name}"

# Tags of length-delimited fields: a request's records, a record's key and value.
_RECORDS, _KEY, _VALUE = b"\x1a", b"\x1a", b"\x22"
_ABSENT = -1


def produce_stream(channel: Any) -> Any:
    """ProduceStream of a channel, of either kind, with requests that are bytes: the stub's method would serialise them."""
    return channel.stream_stream(_PRODUCE_STREAM, response_deserializer=transaction_pb2.ProduceStreamResponse.FromString)


def plain(topic: str, value: bytes | None, key: bytes | None) -> tuple[bytes, ...]:
    """A record with nothing else. TypeError, ValueError: that is no topic."""
    size = _ABSENT if value is None else len(value)
    if key is None:
        head, _ = _heads(topic, size, _ABSENT)
        return head, value or b""
    head, between = _heads(topic, size, len(key))
    return head, key, between, value or b""


def whole(record: types_pb2.Record) -> tuple[bytes, ...]:
    """Any record."""
    packed = record.SerializeToString()
    return _RECORDS + _varint(len(packed)), packed


def request(transaction_id: str, sequence: int, records: Iterable[bytes]) -> bytes:
    """A ProduceStreamRequest."""
    head = transaction_pb2.ProduceStreamRequest(transaction_id=transaction_id, sequence=sequence)
    return b"".join((head.SerializeToString(), *records))


@lru_cache(maxsize=4096)
def _heads(topic: str, value_length: int, key_length: int) -> tuple[bytes, bytes]:
    """What stands before the key, and between key and value; without a key all is in the first."""
    name = types_pb2.Record(topic=topic).SerializeToString()
    key = b"" if key_length == _ABSENT else _KEY + _varint(key_length)
    value = b"" if value_length == _ABSENT else _VALUE + _varint(value_length)
    size = len(name) + len(key) + max(key_length, 0) + len(value) + max(value_length, 0)
    head = _RECORDS + _varint(size) + name + key
    return (head + value, b"") if key_length == _ABSENT else (head, value)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
