"""Between our types and the generated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ..records import ConsumedRecord, GroupOffsets, Headers, Member, Record
from ..results import Committed, Limits, Outcome, PartitionRange, ServerInfo, State
from ..v1 import consume_pb2, transaction_pb2, types_pb2
from ..values import Serializer
from .classify import reason_name

# A record's overhead, as the sidecar counts it.
RECORD_BYTES = 64
# Of messages and reasons.
TEXT_CHARACTERS = 1024


def serialized(value: Any, serializer: Serializer | None) -> bytes | None:
    """A key's or value's bytes."""
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if serializer is None:
        kind = type(value).__name__
        raise TypeError(f"a value or key is bytes or None, not {kind}: use text(), json(), or connect(serializer=...)")
    return serializer(value)


def headers(given: Headers) -> list[types_pb2.Header]:
    """A record's headers."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return [types_pb2.Header(name=name, value=value) for name, value in pairs]


def record(given: Record, serializer: Serializer | None) -> types_pb2.Record:
    """A record to be written."""
    return types_pb2.Record(
        topic=given.topic,
        value=serialized(given.value, serializer),
        key=serialized(given.key, serializer),
        headers=headers(given.headers),
        partition=given.partition,
        timestamp_ms=given.timestamp_ms,
    )


def fields(record: types_pb2.Record) -> dict[str, Any]:
    """What `produce` takes."""
    given = {field.name: value for field, value in record.ListFields()}
    return {**given, "headers": pairs(record.headers)}


def pairs(headers: Iterable[types_pb2.Header]) -> tuple[tuple[str, bytes | None], ...]:
    """Names and values."""
    return tuple((header.name, header.value if header.HasField("value") else None) for header in headers)


def record_bytes(record: types_pb2.Record) -> int:
    """How much it counts."""
    parts = sum(len(header.name) + len(header.value) for header in record.headers)
    return RECORD_BYTES + len(record.key) + len(record.value) + parts


def consumed(delivery: consume_pb2.Delivery) -> list[ConsumedRecord]:
    """A delivery's records."""
    return [
        ConsumedRecord(
            topic=delivery.topic,
            partition=delivery.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            key=record.key if record.HasField("key") else None,
            value=record.value if record.HasField("value") else None,
            headers=pairs(record.headers),
            attempt=record.attempt,
            idempotency_key=record.idempotency_key,
        )
        for record in delivery.records
    ]


def group_offsets(given: GroupOffsets) -> types_pb2.GroupOffsets:
    """Offsets of an application's own consumer."""
    member = Member(given.group) if isinstance(given.group, str) else given.group
    return types_pb2.GroupOffsets(
        group_id=member.group_id,
        member_id=member.member_id,
        generation_id=member.generation_id,
        group_instance_id=member.group_instance_id,
        offsets=[
            types_pb2.TopicPartitionOffset(topic=o.topic, partition=o.partition, offset=o.offset, metadata=o.metadata)
            for o in given.offsets
        ],
    )


def delivery_ids(deliveries: Iterable[consume_pb2.Delivery | str]) -> list[str]:
    """Their ids."""
    return [given if isinstance(given, str) else given.delivery_id for given in deliveries]


def duration(seconds: float | None) -> Duration | None:
    """To the millisecond, as the sidecar takes it."""
    if seconds is None:
        return None
    ms = round(seconds * 1000)
    return Duration(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def for_people(text: str) -> str:
    """As much of it as the sidecar takes, and nothing that is no Unicode."""
    return text[:TEXT_CHARACTERS].encode("utf-8", "replace").decode()


def timestamp(at: datetime) -> Timestamp:
    """A time; without a zone it is local, as everywhere in Python."""
    stamp = Timestamp()
    stamp.FromDatetime(at.astimezone(timezone.utc))
    return stamp


def ranges(given: Iterable[types_pb2.PartitionRange]) -> tuple[PartitionRange, ...]:
    """Where records are."""
    return tuple(PartitionRange(r.topic, r.partition, r.first_offset, r.last_offset, r.count) for r in given)


def committed(response: transaction_pb2.CommitResponse | transaction_pb2.TransactResponse, attempts: int = 1) -> Committed[None]:
    """A commit's answer."""
    return Committed(response.transaction_id, ranges(response.ranges), None, attempts)


def outcome(transaction: types_pb2.Transaction) -> Outcome:
    """What became of a transaction."""
    name = types_pb2.TransactionState.Name(transaction.state).removeprefix("TRANSACTION_STATE_")
    return Outcome(
        transaction_id=transaction.transaction_id,
        state=State(name),
        reason=reason_name(transaction.reason),
        record_count=transaction.record_count,
        offsets_count=transaction.offsets_count,
        ranges=ranges(transaction.ranges),
    )


def server_info(response: transaction_pb2.GetServerInfoResponse) -> ServerInfo:
    """What the sidecar is."""
    limits = response.limits
    seconds: Callable[[Duration], float] = lambda given: given.ToTimedelta().total_seconds()  # noqa: E731
    known = types_pb2.ServingState.DESCRIPTOR.values_by_number.get(response.state)
    return ServerInfo(
        version=response.version,
        features=tuple(response.features),
        identity=response.identity,
        incarnation=response.incarnation,
        state=known.name.removeprefix("SERVING_STATE_") if known else str(response.state),
        limits=Limits(
            message_bytes=limits.message_bytes,
            records_per_transaction=limits.records_per_transaction,
            bytes_per_transaction=limits.bytes_per_transaction,
            open_transactions=limits.open_transactions,
            idle_timeout=seconds(limits.idle_timeout),
            default_timeout=seconds(limits.default_timeout),
            max_timeout=seconds(limits.max_timeout),
            delivery_timeout=seconds(limits.delivery_timeout),
            session_grace=seconds(limits.session_grace),
        ),
    )
