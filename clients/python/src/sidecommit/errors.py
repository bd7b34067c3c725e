"""What goes wrong. One type, and a subtype for each thing that there is to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import grpc


class NextAction(str, Enum):
    """What a caller does after a refusal."""

    RETRY_SAME = "RETRY_SAME"
    BEGIN_AGAIN = "BEGIN_AGAIN"
    FIX_REQUEST = "FIX_REQUEST"
    ASK_OUTCOME = "ASK_OUTCOME"
    WAIT_READY = "WAIT_READY"
    STOP = "STOP"


@dataclass(frozen=True)
class Limit:
    """A limit of the sidecar that was run into."""

    setting: str
    """The setting to raise, e.g. `limits.open_transactions`."""
    limit: int
    """Its value."""
    actual: int
    """What the request asked for."""


@dataclass(frozen=True)
class Coordinate:
    """A place in a Kafka log: where a person has to look."""

    topic: str
    partition: int
    offset: int
    """-1 if it is not known."""


class SidecommitError(Exception):
    """A call has failed, for good as far as this layer can tell. What is raised is one of its subtypes."""

    def __init__(
        self,
        message: str,
        *,
        next_action: NextAction,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        record_index: int | None = None,
        next_sequence: int | None = None,
        limit: Limit | None = None,
        coordinate: Coordinate | None = None,
        transaction_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """For people."""
        self.next_action = next_action
        """What to do."""
        self.code = code
        """The gRPC status code."""
        self.reason = reason
        """Why, e.g. `TIMED_OUT`, as in docs/errors.md; empty if a gRPC library made the status."""
        self.record_index = record_index
        """The index in the transaction of the record to blame, if it is one's fault."""
        self.next_sequence = next_sequence
        """How many records of the transaction the sidecar has, if it said so."""
        self.limit = limit
        """The limit that was run into, if it was one."""
        self.coordinate = coordinate
        """With `OUTCOME_UNKNOWN`: where to look in Kafka."""
        self.transaction_id = transaction_id
        """Which transaction, as far as it is known."""
        self.retry_after = retry_after
        """Seconds that the sidecar asks to wait before the next attempt."""

    def __str__(self) -> str:
        said = f"{self.reason}: {self.message}" if self.reason else f"{self.code.name}: {self.message}"
        return f"{said} (transaction {self.transaction_id})" if self.transaction_id else said


class Aborted(SidecommitError):
    """The transaction is over and nothing of it is visible: begin again, as `run` does."""


class BadRequest(SidecommitError):
    """The request is wrong; the same one would be refused again."""


class NeedsHuman(SidecommitError):
    """Neither repeating nor beginning again helps."""


class DeadlineExceeded(SidecommitError):
    """There was no outcome within the deadline. `__cause__` is what the last attempt came to, if there was one."""

    in_doubt: bool = False
    """Whether it may have been committed or aborted: repeat the call, or ask `get_outcome`. Do not begin again before."""


class RecordError(Exception):
    """A handler of `process` raises it to say which record of a batch it could not process.

    Args:
        message: Why, for people; goes into the dead letter's headers.
        offset: Which record. None: the one that the handler was given; of a batch: not known.
    """

    retryable = True
    """Whether another attempt may succeed."""

    def __init__(self, message: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class Reject(RecordError):
    """A handler of `process` raises it for a record that cannot succeed: a dead letter without further attempts."""

    retryable = False
