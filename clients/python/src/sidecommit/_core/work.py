"""What `process` does with a delivery."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..errors import Aborted, BadRequest, DeadlineExceeded, NeedsHuman, NextAction, RecordError, SidecommitError
from ..records import ConsumedRecord, Record
from ..results import State
from ..v1 import consume_pb2, transaction_pb2, types_pb2
from ..values import Serializer
from . import calls, convert, tracing
from .flow import ABORT, BEGIN, SEND_OFFSETS, Effect, Flow, Pause, repeat
from .retry import Backoff, Deadline
from .session import Blamed, Failed, GivenBack, Outcome, Settled

T = TypeVar("T")
log = logging.getLogger("sidecommit")

# More than this goes out on a stream.
TRANSACT_BYTES = 3 << 20

Returned = Record | Iterable[Record] | None
"""What a handler returns: the records to write."""


@dataclass(frozen=True)
class Handle(Effect):
    """Calls the handler. Comes to what it returned, or to a Threw."""

    argument: ConsumedRecord | list[ConsumedRecord]
    headers: tuple[tuple[str, bytes | None], ...] = ()
    """Of the record, whose trace goes on in the handler and in what that returns; a batch has many."""


@dataclass(frozen=True)
class Threw:
    """The handler threw."""

    error: Exception
    offset: int | None = None
    """Of the record that it could not process, if that is known."""


@dataclass(frozen=True)
class WriteScope(Effect):
    """Writes records, and then settles the delivery, in a transaction with a stream.

    In this order a delivery is not held yet when a record is refused.
    """

    delivery_id: str
    records: list[types_pb2.Record]


@dataclass(frozen=True)
class Options:
    """How deliveries are worked on."""

    batch: bool
    dead_letter_topic: str
    serializer: Serializer | None
    deadline: Callable[[], Deadline]
    """One for the next step."""
    stopping: Callable[[], bool]
    """Whether steps are repeated no longer than their deadline."""
    is_void: Callable[[str], bool]
    backoff: Backoff
    """Before what was aborted is given back, so that it does not come again at once and for ever."""


@dataclass(frozen=True)
class Results:
    """What the handler made of a delivery."""

    records: list[types_pb2.Record] = field(default_factory=list)
    origins: list[int | None] = field(default_factory=list)
    """For each record the offset of the one that it was made of, if that is known."""


def work(delivery: consume_pb2.Delivery, options: Options) -> Flow[Outcome]:
    """Handles a delivery's records, and commits what came of it together with their offsets."""
    try:
        results = yield from _handle(convert.consumed(delivery), options)
        if isinstance(results, Threw):
            return (yield from _blame(delivery, _thrown(results), options))
        if options.is_void(delivery.delivery_id):
            return GivenBack()
        try:
            yield from _settle(delivery.delivery_id, results.records, options)
        except BadRequest as error:
            failure = _refused(error, results) if options.dead_letter_topic else None
            if failure is None:
                return Failed(error)
            return (yield from _blame(delivery, failure, options))
        options.backoff.reset()
        return Settled(len(delivery.records))
    except SidecommitError as error:
        if not _comes_again_unless_settled(error):
            return Failed(error)
        log.info("%s-%s: what was delivered comes again if it is not settled: %s", delivery.topic, delivery.partition, error)
        yield Pause(options.backoff.pause(error.retry_after))
        return GivenBack()


def _comes_again_unless_settled(error: SidecommitError) -> bool:
    """Whether to give a delivery back is right.

    Its transaction is aborted; or it is forgotten, as after a lost journal, and the offsets, which are in the same transaction,
    tell where to read on.
    """
    return isinstance(error, Aborted) or error.reason == "OUTCOME_FORGOTTEN"


def _handle(records: list[ConsumedRecord], options: Options) -> Flow[Results | Threw]:
    results = Results()
    if options.batch:
        threw = yield from _collect(Handle(records), None, results, options)
        if threw is not None and isinstance(threw.error, RecordError):
            return replace(threw, offset=threw.error.offset)
        return threw or results
    for record in records:
        threw = yield from _collect(Handle(record, record.headers), record.offset, results, options)
        if threw is not None:
            return replace(threw, offset=record.offset)
    return results


def _collect(handle: Handle, origin: int | None, results: Results, options: Options) -> Flow[Threw | None]:
    returned = yield handle
    if isinstance(returned, Threw):
        return returned
    try:
        for given in _listed(returned):
            record = convert.record(given, options.serializer)
            tracing.follow(record, handle.headers)
            results.records.append(record)
            results.origins.append(origin)
    except Exception as error:
        # What it returned may be a generator, which throws now; what is no record is its failure as well.
        return Threw(error)
    return None


def _listed(returned: Returned) -> Iterable[Record]:
    if returned is None:
        return ()
    return (returned,) if isinstance(returned, Record) else returned


def _settle(delivery_id: str, records: list[types_pb2.Record], options: Options) -> Flow[None]:
    if sum(map(convert.record_bytes, records)) > TRANSACT_BYTES:
        yield from _patiently(lambda: _write(delivery_id, records, options), options)
        return
    request = calls.transact_request(delivery_id, records, deliveries=[delivery_id])
    began = time.time_ns()
    yield from _patiently(lambda: calls.transact(request, options.deadline(), attempts=1, wall=lambda: began), options)


def _write(delivery_id: str, records: list[types_pb2.Record], options: Options) -> Flow[None]:
    try:
        yield WriteScope(delivery_id, records)
    except DeadlineExceeded as error:
        if not error.in_doubt:
            raise
        ask = calls.outcome_request(error.transaction_id, None, None, wait=True)
        outcome = yield from _patiently(lambda: calls.get_outcome(ask, options.deadline()), options)
        if outcome.state is State.COMMITTED:
            return
        aborted = outcome.state is State.ABORTED
        raise (Aborted if aborted else NeedsHuman)(
            f"the transaction is {outcome.state.value}",
            next_action=NextAction.BEGIN_AGAIN if aborted else NextAction.STOP,
            reason=outcome.reason,
            transaction_id=outcome.transaction_id,
        ) from error


def _patiently(step: Callable[[], Flow[T]], options: Options) -> Flow[T]:
    """However long it takes, unless it has to stop: to begin again before there is an outcome would be wrong."""
    while True:
        try:
            return (yield from step())
        except DeadlineExceeded as error:
            if options.stopping():
                raise
            log.warning("%s", error)


def _thrown(threw: Threw) -> transaction_pb2.DeliveryFailure:
    error = threw.error
    return transaction_pb2.DeliveryFailure(
        offset=threw.offset,
        retryable=error.retryable if isinstance(error, RecordError) else True,
        error_class=type(error).__name__,
        message=convert.for_people(str(error)),
    )


def _refused(error: BadRequest, results: Results) -> transaction_pb2.DeliveryFailure | None:
    """The failure of the record that a refused one was made of; None if it is no record's fault."""
    if error.record_index is None or not 0 <= error.record_index < len(results.origins):
        return None
    return transaction_pb2.DeliveryFailure(
        offset=results.origins[error.record_index],
        retryable=False,
        error_class=error.reason,
        message=convert.for_people(error.message),
    )


def _blame(delivery: consume_pb2.Delivery, failure: transaction_pb2.DeliveryFailure, options: Options) -> Flow[Outcome]:
    """Says whose fault it is: a transaction that holds the delivery is aborted with it."""
    place = f"{failure.offset}" if failure.HasField("offset") else "some offset of it"
    log.warning("%s-%s, %s: %s: %s", delivery.topic, delivery.partition, place, failure.error_class, failure.message)
    failure.delivery_id = delivery.delivery_id
    begin = transaction_pb2.BeginRequest(request_id=str(uuid.uuid4()))
    begun = yield from _patiently(lambda: repeat(BEGIN, begin, options.deadline()), options)
    id = begun.transaction_id
    send = transaction_pb2.SendOffsetsRequest(transaction_id=id, delivery_ids=[delivery.delivery_id])
    abort = transaction_pb2.AbortRequest(transaction_id=id, reason=failure.message, failures=[failure])
    yield from _patiently(lambda: repeat(SEND_OFFSETS, send, options.deadline(), id), options)
    yield from _patiently(lambda: repeat(ABORT, abort, options.deadline(), id), options)
    return Blamed()
