from __future__ import annotations

import pytest

from script import Clock, Script, refused
from sidecommit import Aborted, DeadlineExceeded, NextAction
from sidecommit._core.flow import BEGIN, COMMIT, Call, repeat
from sidecommit._core.retry import Backoff
from sidecommit.v1 import transaction_pb2

REQUEST = transaction_pb2.BeginRequest(request_id="a")


def test_pauses_double_up_to_two_seconds() -> None:
    backoff = Backoff(chance=lambda: 0.0)
    assert [backoff.pause() for _ in range(8)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    backoff.reset()
    assert backoff.pause() == 0.05


def test_chance_takes_up_to_a_half() -> None:
    assert Backoff(chance=lambda: 1.0).pause() == 0.025


def test_what_the_sidecar_asks_for_is_obeyed() -> None:
    assert Backoff().pause(3.5) == 3.5


@pytest.mark.parametrize("action", [NextAction.RETRY_SAME, NextAction.ASK_OUTCOME, NextAction.WAIT_READY])
def test_the_same_is_sent_until_it_is_answered(action: NextAction) -> None:
    script = Script([refused(action, retry_after=0.5), refused(action), "answer"])
    assert script.play(repeat(BEGIN, REQUEST, script.clock.deadline())) == "answer"
    assert script.request(0) is script.request(2)
    assert script.pauses[0] == 0.5


@pytest.mark.parametrize("action", [NextAction.BEGIN_AGAIN, NextAction.FIX_REQUEST, NextAction.STOP])
def test_other_refusals_are_raised_at_once(action: NextAction) -> None:
    error = refused(action)
    script = Script([error])
    with pytest.raises(type(error)) as raised:
        script.play(repeat(BEGIN, REQUEST, script.clock.deadline(), "tx-1"))
    assert raised.value.transaction_id == "tx-1"
    assert script.pauses == []


@pytest.mark.parametrize(("rpc", "in_doubt"), [(COMMIT, True), (BEGIN, False)])
def test_the_deadlines_end_says_whether_the_outcome_is_in_doubt(rpc: object, in_doubt: bool) -> None:
    script = Script([refused(NextAction.RETRY_SAME, "KAFKA_UNREACHABLE", retry_after=4.0) for _ in range(3)])
    with pytest.raises(DeadlineExceeded) as raised:
        script.play(repeat(rpc, REQUEST, script.clock.deadline(10), "tx-1", "transaction_id='tx-1'"))  # type: ignore[arg-type]
    assert raised.value.in_doubt is in_doubt
    assert raised.value.reason == "KAFKA_UNREACHABLE"
    assert ("get_outcome(transaction_id='tx-1')" in str(raised.value)) is in_doubt
    assert script.pauses == [4.0, 4.0, 2.0]


def test_each_attempt_has_what_is_left_of_the_deadline() -> None:
    script = Script([refused(NextAction.RETRY_SAME, retry_after=4.0), "answer"])
    script.play(repeat(BEGIN, REQUEST, script.clock.deadline(10)))
    assert [effect.timeout for effect in script.effects if isinstance(effect, Call)] == [10, 6]


def test_a_deadline_is_over_at_its_time() -> None:
    clock = Clock()
    deadline = clock.deadline(5)
    clock.now += 7
    assert deadline.remaining() == 0


def test_an_error_says_its_reason_and_transaction() -> None:
    assert str(Aborted("m", next_action=NextAction.BEGIN_AGAIN, reason="R", transaction_id="t")) == "R: m (transaction t)"
