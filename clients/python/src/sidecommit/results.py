"""What calls return."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class PartitionRange:
    """Where a transaction's records of one partition are. Records of others may lie between."""

    topic: str
    partition: int
    first_offset: int
    """-1 if the broker did not tell."""
    last_offset: int
    """-1 if the broker did not tell."""
    count: int
    """How many records of the transaction."""


@dataclass(frozen=True)
class Committed(Generic[T]):
    """A transaction that is committed, visible for good."""

    transaction_id: str
    ranges: tuple[PartitionRange, ...]
    """Sorted by topic and partition; empty if there were no records, or if only the fact is known."""
    result: T
    """With `run`: what the work returned."""
    attempts: int = 1
    """How many transactions it took."""

    @property
    def record_count(self) -> int:
        """Records in all ranges."""
        return sum(part.count for part in self.ranges)


class State(str, Enum):
    """What a transaction is doing. COMMITTED, ABORTED and UNKNOWN are final."""

    OPEN = "OPEN"
    COMMITTING = "COMMITTING"
    IN_DOUBT = "IN_DOUBT"
    """The commit may have been executed; the sidecar is finding out."""
    ABORTING = "ABORTING"
    COMMITTED = "COMMITTED"
    """All of it is visible, once."""
    ABORTED = "ABORTED"
    """Nothing of it is ever visible."""
    UNKNOWN = "UNKNOWN"
    """Kafka can no longer tell; a person has to look."""

    @property
    def final(self) -> bool:
        """Whether it never changes."""
        return self in (State.COMMITTED, State.ABORTED, State.UNKNOWN)


@dataclass(frozen=True)
class Outcome:
    """What is known of a transaction."""

    transaction_id: str
    state: State
    reason: str
    """Why it was aborted or is unknown, e.g. `TIMED_OUT`; empty while it is neither."""
    record_count: int
    offsets_count: int
    ranges: tuple[PartitionRange, ...]
    """Once it is committed; empty if only the fact is known."""


@dataclass(frozen=True)
class Limits:
    """Limits of the sidecar. Times are in seconds."""

    message_bytes: int
    records_per_transaction: int
    bytes_per_transaction: int
    open_transactions: int
    idle_timeout: float
    default_timeout: float
    max_timeout: float
    delivery_timeout: float
    session_grace: float


@dataclass(frozen=True)
class ServerInfo:
    """What the sidecar is."""

    version: str
    features: tuple[str, ...]
    identity: str
    """Its slot; empty while it has none."""
    incarnation: int
    state: str
    """`READY` if it serves."""
    limits: Limits
