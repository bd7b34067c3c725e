from __future__ import annotations

from datetime import datetime, timezone

import pytest

from script import Script, refused
from sidecommit import Aborted, BadRequest, DeadlineExceeded, NextAction, State
from sidecommit._core import calls
from sidecommit._core.flow import Call
from sidecommit.v1 import transaction_pb2 as t
from sidecommit.v1 import types_pb2

COMMITTED = t.TransactResponse(transaction_id="tx-1", ranges=[types_pb2.PartitionRange(topic="t", count=2)])


def first_times(script: Script, request: t.TransactRequest, attempts: int = 1) -> list[float | None]:
    """What each attempt says of the first one."""
    seen: list[float | None] = []

    def note(answer: object) -> object:
        def noted(effect: Call) -> object:
            said = request.HasField("first_attempt_time")
            seen.append(request.first_attempt_time.ToNanoseconds() / 1e9 if said else None)
            return answer

        return noted

    script.answers = [note(answer) for answer in script.answers]
    script.play(calls.transact(request, script.clock.deadline(), attempts, wall=lambda: 42_000_000_000))
    return seen


def test_repeats_say_when_the_first_attempt_was() -> None:
    script = Script([refused(NextAction.ASK_OUTCOME), refused(NextAction.ASK_OUTCOME), COMMITTED])
    assert first_times(script, calls.transact_request("k", [])) == [None, 42, 42]


def test_an_application_may_know_of_an_earlier_attempt() -> None:
    script = Script([refused(NextAction.ASK_OUTCOME), COMMITTED])
    at = datetime.fromtimestamp(7, timezone.utc)
    assert first_times(script, calls.transact_request("k", [], first_attempt_time=at)) == [7, 7]


def test_what_was_aborted_is_tried_again_under_the_same_key() -> None:
    script = Script([refused(NextAction.BEGIN_AGAIN), refused(NextAction.BEGIN_AGAIN), COMMITTED])
    told: list[int] = []
    request = calls.transact_request("k", [])
    done = script.play(calls.transact(request, script.clock.deadline(), 3, lambda attempt, _: told.append(attempt)))
    assert (done.attempts, done.record_count, told) == (3, 2, [1, 2])
    assert request.HasField("first_attempt_time")


@pytest.mark.parametrize("attempts", [1, 2])
def test_attempts_have_an_end(attempts: int) -> None:
    script = Script([refused(NextAction.BEGIN_AGAIN) for _ in range(attempts)])
    with pytest.raises(Aborted):
        script.play(calls.transact(calls.transact_request("k", []), script.clock.deadline(), attempts))
    assert len(script.effects) == attempts


def test_a_hook_may_stop_it() -> None:
    script = Script([refused(NextAction.BEGIN_AGAIN)])
    with pytest.raises(Aborted):
        script.play(calls.transact(calls.transact_request("k", []), script.clock.deadline(), 9, lambda *_: False))


def test_a_wrong_request_is_not_tried_again() -> None:
    script = Script([refused(NextAction.FIX_REQUEST)])
    with pytest.raises(BadRequest):
        script.play(calls.transact(calls.transact_request("k", []), script.clock.deadline(), 9))


def test_transacts_deadline_says_how_to_ask() -> None:
    script = Script([refused(NextAction.ASK_OUTCOME, retry_after=99)])
    with pytest.raises(DeadlineExceeded, match="idempotency_key='k'") as raised:
        script.play(calls.transact(calls.transact_request("k", []), script.clock.deadline(), 1))
    assert raised.value.in_doubt


def said(state: types_pb2.TransactionState) -> t.GetTransactionResponse:
    return t.GetTransactionResponse(transaction=types_pb2.Transaction(transaction_id="tx-1", state=state))


@pytest.mark.parametrize("wait", [True, False])
def test_only_who_waits_is_told_no_more_than_the_end(wait: bool) -> None:
    script = Script([said(types_pb2.TRANSACTION_STATE_IN_DOUBT)])
    if wait:
        script.answers.append(said(types_pb2.TRANSACTION_STATE_COMMITTED))
    found = script.play(calls.get_outcome(calls.outcome_request("tx-1", None, None, wait), script.clock.deadline()))
    assert found.state is (State.COMMITTED if wait else State.IN_DOUBT)


def test_an_outcome_is_asked_by_one_name() -> None:
    for names in [(None, None, None), ("a", "b", None)]:
        with pytest.raises(ValueError, match="exactly one"):
            calls.outcome_request(*names, wait=True)


def test_it_is_ready_when_it_serves() -> None:
    recovering = t.GetServerInfoResponse(state=types_pb2.SERVING_STATE_RECOVERING)
    ready = t.GetServerInfoResponse(state=types_pb2.SERVING_STATE_READY, version="1")
    script = Script([recovering, ready])
    assert script.play(calls.wait_ready(script.clock.deadline())).version == "1"
    script = Script([recovering] * 20)
    with pytest.raises(DeadlineExceeded, match="RECOVERING"):
        script.play(calls.wait_ready(script.clock.deadline(1)))
