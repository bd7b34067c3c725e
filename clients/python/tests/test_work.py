from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from script import Clock, Script, refused
from sidecommit import ConsumedRecord, DeadlineExceeded, NextAction, Record, RecordError, Reject, SidecommitError
from sidecommit._core import tracing
from sidecommit._core.flow import Effect
from sidecommit._core.retry import Backoff
from sidecommit._core.session import Blamed, Failed, GivenBack, Settled
from sidecommit._core.work import Handle, Options, Threw, WriteScope, work
from sidecommit.v1 import consume_pb2 as c
from sidecommit.v1 import transaction_pb2 as t
from sidecommit.v1 import types_pb2

COMMITTED = t.TransactResponse(transaction_id="tx-1")
PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BLAME = [t.BeginResponse(transaction_id="tx-2"), t.SendOffsetsResponse(), t.AbortResponse()]


def delivery(count: int = 2) -> c.Delivery:
    records = [c.ConsumedRecord(offset=10 + i, value=b"%d" % i, key=b"k") for i in range(count)]
    return c.Delivery(delivery_id="d", topic="in", partition=3, records=records)


def options(clock: Clock, **changed: Any) -> Options:
    given: dict[str, Any] = {
        "batch": False,
        "dead_letter_topic": "dead",
        "serializer": None,
        "deadline": clock.deadline,
        "stopping": lambda: False,
        "is_void": lambda _: False,
        "backoff": Backoff(),
    }
    return Options(**(given | changed))


def handled(handler: Callable[[Any], Any]) -> Callable[[Effect], Any]:
    """Answers Handle."""

    def answer(effect: Effect) -> Any:
        assert isinstance(effect, Handle)
        try:
            return handler(effect.argument)
        except Exception as error:
            return Threw(error)

    return answer


def copy(record: ConsumedRecord) -> Record:
    return Record("out", record.value, record.key)


def poison(record: ConsumedRecord) -> Record:
    if record.offset == 11:
        raise ValueError("no such account")
    return copy(record)


def play(answers: list[Any], count: int = 2, **changed: Any) -> tuple[Any, Script]:
    script = Script(answers)
    return script.play(work(delivery(count), options(script.clock, **changed))), script


def failure(script: Script) -> t.DeliveryFailure:
    """What the last call, an Abort, blames."""
    (blamed,) = script.request(-1).failures
    assert blamed.delivery_id == "d"
    return blamed  # type: ignore[no-any-return]


def test_what_the_handler_returns_is_written_with_the_offsets() -> None:
    outcome, script = play([handled(copy)] * 2 + [COMMITTED])
    request = script.request(-1)
    assert outcome == Settled(2)
    assert (request.idempotency_key, list(request.delivery_ids)) == ("d", ["d"])
    assert [record.value for record in request.records] == [b"0", b"1"]


@pytest.mark.parametrize(("returned", "count"), [(None, 0), ([], 0), (Record("out"), 1), ((Record("out") for _ in range(2)), 2)])
def test_a_handler_returns_none_one_or_many(returned: Any, count: int) -> None:
    _, script = play([handled(lambda _: returned), COMMITTED], count=1)
    assert len(script.request(-1).records) == count


def traced(handler: Callable[[Any], Any], batch: bool = False) -> list[list[tuple[str, bytes]]]:
    """The headers of what it makes of a record with a trace and of one without."""
    given = delivery()
    for name, value in [("traceparent", PARENT), ("tracestate", b"vendor=1"), ("other", b"o")]:
        given.records[0].headers.add(name=name, value=value)
    script = Script([handled(handler)] * (1 if batch else 2) + [COMMITTED])
    # Of whoever processes them.
    with tracing.current([("traceparent", PARENT.replace(b"4b", b"5c"))]):
        script.play(work(given, options(script.clock, batch=batch)))
    return [[(header.name, header.value) for header in record.headers] for record in script.request(-1).records]


def test_what_is_made_of_a_record_goes_on_with_its_trace() -> None:
    assert traced(copy) == [[("traceparent", PARENT), ("tracestate", b"vendor=1")], []]


def test_unless_it_has_one_of_its_own() -> None:
    assert traced(lambda _: Record("out", headers={"traceparent": b"own"})) == [[("traceparent", b"own")]] * 2


def test_a_batch_has_no_trace_to_go_on_with() -> None:
    assert traced(lambda records: map(copy, records), batch=True) == [[], []]


def test_without_opentelemetry_nothing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_propagator", None)
    assert traced(copy) == [[], []]


def test_a_batch_handler_gets_all_at_once() -> None:
    outcome, script = play([handled(lambda records: map(copy, records)), COMMITTED], batch=True)
    assert outcome == Settled(2)
    assert len(script.request(-1).records) == 2


def test_who_throws_is_blamed_by_offset() -> None:
    outcome, script = play([handled(poison)] * 2 + BLAME)
    assert outcome == Blamed()
    assert script.calls[2:] == ["Begin", "SendOffsets", "Abort"]
    assert list(script.request(3).delivery_ids) == ["d"]
    blamed = failure(script)
    assert (blamed.offset, blamed.retryable, blamed.error_class, blamed.message) == (11, True, "ValueError", "no such account")


def test_a_rejected_record_is_not_tried_again() -> None:
    def reject(record: ConsumedRecord) -> None:
        raise Reject("never")

    _, script = play([handled(reject), *BLAME])
    assert (failure(script).offset, failure(script).retryable) == (10, False)


@pytest.mark.parametrize(("error", "offset"), [(ValueError("a"), None), (RecordError("a", 11), 11), (Reject("a"), None)])
def test_a_batch_fails_as_a_whole_unless_the_error_names_the_record(error: Exception, offset: int | None) -> None:
    def throw(_: object) -> None:
        raise error

    _, script = play([handled(throw), *BLAME], batch=True)
    blamed = failure(script)
    assert (blamed.offset if blamed.HasField("offset") else None) == offset


@pytest.mark.parametrize("returned", ["text", [Record("out", "text")], 5])
def test_what_is_no_record_is_the_handlers_failure(returned: Any) -> None:
    outcome, script = play([handled(lambda _: returned), *BLAME])
    assert outcome == Blamed()
    assert failure(script).offset == 10


def test_what_was_revoked_meanwhile_is_not_written() -> None:
    outcome, script = play([handled(copy)] * 2, is_void=lambda _: True)
    assert outcome == GivenBack()
    assert script.calls == ["Handle", "Handle"]


@pytest.mark.parametrize(
    "refusal",
    [
        refused(NextAction.BEGIN_AGAIN, "KAFKA_FAILED"),
        # After a lost journal: the offsets, in the same transaction, know better.
        refused(NextAction.STOP, "OUTCOME_FORGOTTEN"),
    ],
)
def test_what_is_aborted_or_forgotten_is_given_back_after_a_pause(refusal: SidecommitError) -> None:
    outcome, script = play([handled(copy)] * 2 + [refusal])
    assert outcome == GivenBack()
    assert len(script.pauses) == 1


def test_a_record_that_is_refused_is_the_failure_of_the_one_that_it_was_made_of() -> None:
    error = refused(NextAction.FIX_REQUEST, "RECORD_TOO_LARGE", record_index=1)
    outcome, script = play([handled(copy)] * 2 + [error, *BLAME])
    assert outcome == Blamed()
    blamed = failure(script)
    assert (blamed.offset, blamed.retryable, blamed.error_class) == (11, False, "RECORD_TOO_LARGE")


@pytest.mark.parametrize(("dead", "index"), [("", 1), ("dead", None)])
def test_a_refusal_that_nobody_can_be_blamed_for_is_raised(dead: str, index: int | None) -> None:
    error = refused(NextAction.FIX_REQUEST, record_index=index)
    outcome, _ = play([handled(copy)] * 2 + [error], dead_letter_topic=dead)
    assert outcome == Failed(error)


def test_what_needs_a_person_is_raised() -> None:
    error = refused(NextAction.STOP, "TOPIC_DENIED")
    assert play([handled(copy)] * 2 + [error])[0] == Failed(error)


def test_an_outcome_is_waited_for_beyond_the_deadline() -> None:
    times = [refused(NextAction.ASK_OUTCOME, retry_after=99), COMMITTED]
    outcome, script = play([handled(copy)] * 2 + times)
    assert outcome == Settled(2)
    assert script.request(-1).HasField("first_attempt_time")


def test_who_stops_waits_no_longer_than_the_deadline() -> None:
    outcome, _ = play([handled(copy)] * 2 + [refused(NextAction.ASK_OUTCOME, retry_after=99)], stopping=lambda: True)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DeadlineExceeded)


def test_large_results_go_out_on_a_stream() -> None:
    outcome, script = play([handled(lambda _: Record("out", bytes(2 << 20)))] * 2 + [None])
    assert outcome == Settled(2)
    written = script.effects[-1]
    assert isinstance(written, WriteScope)
    assert (written.delivery_id, len(written.records)) == ("d", 2)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (types_pb2.TRANSACTION_STATE_COMMITTED, Settled),
        (types_pb2.TRANSACTION_STATE_ABORTED, GivenBack),
        (types_pb2.TRANSACTION_STATE_UNKNOWN, Failed),
    ],
)
def test_of_a_stream_whose_commit_is_in_doubt_the_outcome_is_asked(state: Any, outcome: type) -> None:
    doubt = DeadlineExceeded("in doubt", next_action=NextAction.ASK_OUTCOME, transaction_id="tx-1")
    doubt.in_doubt = True
    told = t.GetTransactionResponse(transaction=types_pb2.Transaction(transaction_id="tx-1", state=state))
    found, script = play([handled(lambda _: Record("out", bytes(2 << 20)))] * 2 + [doubt, told])
    assert isinstance(found, outcome)
    assert script.request(-1).transaction_id == "tx-1"
