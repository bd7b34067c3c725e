"""Work that needs I/O, without I/O: a generator yields what is to be done, and a driver does it and sends what came of it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from ..errors import DeadlineExceeded, NextAction, SidecommitError
from .retry import Backoff, Deadline

T = TypeVar("T")
Flow: TypeAlias = Generator["Effect", Any, T]
FINAL = frozenset({NextAction.BEGIN_AGAIN, NextAction.FIX_REQUEST, NextAction.STOP})


@dataclass(frozen=True)
class Rpc:
    """A unary RPC of TransactionService."""

    name: str
    decides: bool = False
    """Whether it decides a transaction's fate, so that its failure leaves the outcome in doubt."""


SERVER_INFO = Rpc("GetServerInfo")
BEGIN = Rpc("Begin")
PRODUCE = Rpc("Produce")
SEND_OFFSETS = Rpc("SendOffsets")
KEEP_ALIVE = Rpc("KeepAlive")
COMMIT = Rpc("Commit", decides=True)
ABORT = Rpc("Abort", decides=True)
TRANSACT = Rpc("Transact", decides=True)
GET_TRANSACTION = Rpc("GetTransaction")
RPCS = (SERVER_INFO, BEGIN, PRODUCE, SEND_OFFSETS, KEEP_ALIVE, COMMIT, ABORT, TRANSACT, GET_TRANSACTION)


class Effect:
    """What a driver does for a flow."""

    __slots__ = ()


@dataclass(frozen=True)
class Call(Effect):
    """Sends a request. Comes to its response, or raises the SidecommitError that its failure is."""

    rpc: Rpc
    request: Message
    timeout: float


@dataclass(frozen=True)
class Pause(Effect):
    """Waits."""

    seconds: float


@dataclass(frozen=True)
class Flush(Effect):
    """Waits until all queued records are acknowledged; those from `next_sequence` on are sent again before."""

    deadline: Deadline
    next_sequence: int | None = None


def repeat(rpc: Rpc, request: Message, deadline: Deadline, transaction_id: str = "", ask: str = "") -> Flow[Any]:
    """Sends the same request until there is an outcome.

    Args:
        rpc: Which call.
        request: Its request; who changes it between attempts must not change what it means.
        deadline: Until when.
        transaction_id: For errors.
        ask: By what to ask for the outcome, for people.

    Raises:
        Aborted, BadRequest, NeedsHuman: The call was refused.
        DeadlineExceeded: There was no outcome.
    """
    backoff = Backoff()
    while True:
        try:
            return (yield Call(rpc, request, deadline.remaining()))
        except SidecommitError as error:
            yield from after(error, rpc, backoff, deadline, transaction_id, ask)


def after(
    error: SidecommitError, rpc: Rpc, backoff: Backoff, deadline: Deadline, transaction_id: str = "", ask: str = ""
) -> Flow[None]:
    """Pauses after a failure that may be repeated; raises any other one."""
    error.transaction_id = error.transaction_id or transaction_id
    if error.next_action in FINAL:
        raise error
    yield Pause(min(backoff.pause(error.retry_after), deadline.remaining()))
    if deadline.remaining() <= 0:
        raise exceeded(rpc.name, deadline, error, transaction_id, ask if rpc.decides else "") from error


def exceeded(
    what: str, deadline: Deadline, last: SidecommitError | None, transaction_id: str = "", ask: str = ""
) -> DeadlineExceeded:
    """The error that a deadline's end is; in doubt if there is something to `ask` by."""
    message = f"no outcome of {what} within {deadline.seconds:g} s"
    if ask:
        message += f", it may still come: repeat the call, or get_outcome({ask})"
    if last is not None:
        message += f"; the last attempt: {last.message}"
    error = DeadlineExceeded(
        message,
        next_action=NextAction.ASK_OUTCOME if ask else NextAction.RETRY_SAME,
        code=grpc.StatusCode.DEADLINE_EXCEEDED,
        reason=last.reason if last is not None else "",
        transaction_id=transaction_id,
    )
    error.in_doubt = bool(ask)
    return error
