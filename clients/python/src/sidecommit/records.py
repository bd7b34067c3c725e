"""Records, written and read, and offsets."""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Headers = Mapping[str, bytes | None] | Iterable[tuple[str, bytes | None]]
"""Names and values, in order; as pairs names may repeat. None is Kafka's null."""


@dataclass(frozen=True)
class Record:
    """A record to be written. Values and keys are bytes, or what the client's serializer makes bytes of."""

    topic: str
    """An existing one."""
    value: Any = None
    """None: a tombstone, which is something else than empty."""
    key: Any = None
    """Decides the partition, if none is given."""
    headers: Headers = ()
    partition: int | None = None
    """None: by the key, as Kafka's Java producer does; without a key any."""
    timestamp_ms: int | None = None
    """Milliseconds since the Unix epoch. None: when the sidecar takes it."""


@dataclass(frozen=True)
class ConsumedRecord:
    """A record that `process` has read."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """Milliseconds since the Unix epoch; -1: none."""
    key: bytes | None
    value: bytes | None
    """None: a tombstone."""
    headers: tuple[tuple[str, bytes | None], ...]
    attempt: int
    """1 for the first."""
    idempotency_key: str
    """Names the record for ever: a primary key for effects outside Kafka."""

    def text(self) -> str | None:
        """The value as a text; None if there is none."""
        return self.decode(bytes.decode)

    def json(self) -> Any:
        """The value as JSON; None if there is none."""
        return self.decode(_json.loads)

    def decode(self, decoder: Callable[[bytes], T]) -> T | None:
        """What the function makes of the value; None if there is none."""
        return None if self.value is None else decoder(self.value)

    def header(self, name: str) -> bytes | None:
        """The value of the last header of that name; None also if there is none."""
        return next((value for key, value in reversed(self.headers) if key == name), None)


@dataclass(frozen=True)
class Offset:
    """Where a consumer group goes on reading a partition."""

    topic: str
    partition: int
    offset: int
    """Of the next record to read: that of the last processed one plus 1."""
    metadata: str = ""
    """Kept with the offset."""


@dataclass(frozen=True)
class Member:
    """A member of a consumer group of the application's own: fences one that lost its partitions."""

    group_id: str
    member_id: str = ""
    generation_id: int | None = None
    """Generation (classic protocol) or member epoch (KIP-848)."""
    group_instance_id: str = ""


@dataclass(frozen=True)
class RetryTopic:
    """Where `process` moves records that have failed, to be attempted later."""

    topic: str
    delay: float
    """Seconds until the next attempt."""


@dataclass(frozen=True)
class GroupOffsets:
    """Offsets that a transaction commits for a consumer group of the application's own."""

    group: str | Member
    offsets: Iterable[Offset] = field(default_factory=tuple)
