"""Calls that need no state of ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from ..errors import DeadlineExceeded, NextAction, SidecommitError
from ..records import GroupOffsets
from ..results import Committed, Outcome, ServerInfo
from ..v1 import consume_pb2, transaction_pb2, types_pb2
from . import convert
from .flow import GET_TRANSACTION, SERVER_INFO, TRANSACT, Call, Flow, Pause, after, repeat
from .retry import Backoff, Deadline

OnRetry = Callable[[int, SidecommitError], object]
"""Told the attempt that failed, from 1 on, and its error. If it returns False there is no other one."""


def server_info(deadline: Deadline) -> Flow[ServerInfo]:
    """GetServerInfo, which is answered in every state."""
    response = yield from repeat(SERVER_INFO, transaction_pb2.GetServerInfoRequest(), deadline)
    return convert.server_info(response)


def wait_ready(deadline: Deadline) -> Flow[ServerInfo]:
    """Until the sidecar serves."""
    backoff = Backoff()
    while True:
        info = yield from server_info(deadline)
        if info.state == "READY":
            return info
        yield Pause(min(backoff.pause(), deadline.remaining()))
        if deadline.remaining() <= 0:
            raise DeadlineExceeded(
                f"the sidecar does not serve within {deadline.seconds:g} s: {info.state}",
                next_action=NextAction.WAIT_READY,
                code=grpc.StatusCode.DEADLINE_EXCEEDED,
            )


def transact_request(
    idempotency_key: str,
    records: Iterable[types_pb2.Record],
    deliveries: Iterable[consume_pb2.Delivery | str] = (),
    offsets: Iterable[GroupOffsets] = (),
    timeout: float | None = None,
    ordering_key: str = "",
    first_attempt_time: datetime | None = None,
) -> transaction_pb2.TransactRequest:
    """A whole transaction."""
    return transaction_pb2.TransactRequest(
        idempotency_key=idempotency_key,
        records=records,
        delivery_ids=convert.delivery_ids(deliveries),
        group_offsets=[convert.group_offsets(given) for given in offsets],
        timeout=convert.duration(timeout),
        ordering_key=ordering_key,
        first_attempt_time=None if first_attempt_time is None else convert.timestamp(first_attempt_time),
    )


def transact(
    request: transaction_pb2.TransactRequest,
    deadline: Deadline,
    attempts: int,
    on_retry: OnRetry | None = None,
    wall: Callable[[], int] = time.time_ns,
) -> Flow[Committed[None]]:
    """Repeats it under its key, also after it was aborted. What the first attempt began is told in all that follow."""
    backoff, aborted = Backoff(), Backoff()
    began_ns = wall()
    attempt = 1
    while True:
        try:
            response = yield Call(TRANSACT, request, deadline.remaining())
            return convert.committed(response, attempt)
        except SidecommitError as error:
            if not request.HasField("first_attempt_time"):
                request.first_attempt_time.CopyFrom(_stamp(began_ns))
            if error.next_action is not NextAction.BEGIN_AGAIN:
                yield from after(error, TRANSACT, backoff, deadline, ask=f"idempotency_key={request.idempotency_key!r}")
                continue
            pause = again(error, attempt, attempts, aborted, on_retry)
            if pause >= deadline.remaining():
                raise
            yield Pause(pause)
            attempt += 1


def again(error: SidecommitError, attempt: int, attempts: int, backoff: Backoff, on_retry: OnRetry | None) -> float:
    """Seconds until the work is begun again; raises the error if it is not to be."""
    if attempt >= attempts or (on_retry is not None and on_retry(attempt, error) is False):
        raise error
    return backoff.pause(error.retry_after)


def get_outcome(request: transaction_pb2.GetTransactionRequest, deadline: Deadline) -> Flow[Outcome]:
    """What became of a transaction; with `wait` only what is final."""
    backoff = Backoff()
    while True:
        response = yield from repeat(GET_TRANSACTION, request, deadline, request.transaction_id)
        outcome = convert.outcome(response.transaction)
        if outcome.state.final or not request.wait:
            return outcome
        yield Pause(min(backoff.pause(), deadline.remaining()))


def outcome_request(
    transaction_id: str | None, request_id: str | None, idempotency_key: str | None, wait: bool
) -> transaction_pb2.GetTransactionRequest:
    """By exactly one of the names."""
    given = [name for name in (transaction_id, request_id, idempotency_key) if name is not None]
    if len(given) != 1:
        raise ValueError("give exactly one of transaction_id, request_id and idempotency_key")
    return transaction_pb2.GetTransactionRequest(
        transaction_id=transaction_id, request_id=request_id, idempotency_key=idempotency_key, wait=wait
    )


def _stamp(ns: int) -> Timestamp:
    return Timestamp(seconds=ns // 1_000_000_000, nanos=ns % 1_000_000_000)
