from __future__ import annotations

import pytest

from script import Script, refused
from sidecommit import Aborted, BadRequest, Committed, DeadlineExceeded, NextAction, Offset
from sidecommit._core.flow import Flow, Flush
from sidecommit._core.scope import Scope
from sidecommit.v1 import transaction_pb2 as t

BEGUN = t.BeginResponse(transaction_id="tx-1")


def scope() -> Scope:
    made = Scope(None, request_id="r")
    made.outbox.transaction_id = "tx-1"
    return made


def test_a_commit_sends_the_counts() -> None:
    given, script = Scope(None), Script([])
    script.answers = [
        BEGUN,
        t.SendOffsetsResponse(offsets_count=2),
        t.ProduceResponse(next_sequence=1),
        t.CommitResponse(transaction_id="tx-1"),
    ]

    def all_of_it() -> Flow[Committed[None]]:
        yield from given.send_offsets("g", [Offset("t", 0, 5), Offset("t", 1, 5)], script.clock.deadline())
        given.outbox.add("t", b"v")
        return (yield from given.commit(script.clock.deadline()))

    script.play(all_of_it())
    assert script.calls == ["Begin", "SendOffsets", "Produce", "Commit"]
    assert len(script.request(0).request_id) == 36
    assert (script.request(3).record_count, script.request(3).offsets_count) == (1, 2)
    assert given.committed is not None


def test_an_empty_commit_has_counts_too() -> None:
    script = Script([None, t.CommitResponse(transaction_id="tx-1")])
    script.play(scope().commit(script.clock.deadline()))
    assert script.request(1).HasField("record_count")
    assert script.request(1).HasField("offsets_count")


def test_what_is_missing_is_sent_before_the_same_commit() -> None:
    incomplete = refused(NextAction.RETRY_SAME, "INCOMPLETE", next_sequence=7)
    script = Script([None, incomplete, None, t.CommitResponse(transaction_id="tx-1")])
    given = scope()
    given.streaming = True
    script.play(given.commit(script.clock.deadline()))
    assert script.calls == ["Flush", "Commit", "Flush", "Commit"]
    again = script.effects[2]
    assert isinstance(again, Flush)
    assert again.next_sequence == 7
    assert script.request(1) is script.request(3)


def test_a_commit_without_an_outcome_is_in_doubt_and_not_aborted() -> None:
    given, script = scope(), Script([None, refused(NextAction.ASK_OUTCOME, retry_after=99)])
    with pytest.raises(DeadlineExceeded) as raised:
        script.play(given.commit(script.clock.deadline(10)))
    assert raised.value.in_doubt
    assert raised.value.transaction_id == "tx-1"
    assert given.over


def test_a_refused_record_stays_refused() -> None:
    given, script = scope(), Script([refused(NextAction.FIX_REQUEST, "UNKNOWN_TOPIC", record_index=0)])
    given.outbox.add("t", b"v")
    with pytest.raises(BadRequest):
        script.play(given.commit(script.clock.deadline()))
    assert not given.over, "it is to be aborted"
    with pytest.raises(BadRequest):
        given.outbox.add("t", b"v")


def test_what_was_aborted_is_over() -> None:
    given, script = scope(), Script([refused(NextAction.BEGIN_AGAIN, "DELIVERY_REVOKED")])
    with pytest.raises(Aborted):
        script.play(given.settle(["d"], script.clock.deadline()))
    assert given.over


def test_a_deadline_while_producing_refuses_nothing() -> None:
    given, script = scope(), Script([refused(NextAction.RETRY_SAME, retry_after=99)])
    given.outbox.add("t", b"v")
    with pytest.raises(DeadlineExceeded) as raised:
        script.play(given.flush(script.clock.deadline(10)))
    assert not raised.value.in_doubt
    script = Script([t.ProduceResponse(next_sequence=1)])
    script.play(given.flush(script.clock.deadline()))
    assert given.outbox.settled


def test_a_repeat_of_commit_asks_nobody() -> None:
    given, script = scope(), Script([None, t.CommitResponse(transaction_id="tx-1")])
    first = script.play(given.commit(script.clock.deadline()))
    assert Script([]).play(given.commit(script.clock.deadline())) is first


def test_a_transaction_that_was_never_begun_has_nothing_to_abort() -> None:
    given = Scope(None)
    script = Script([])
    script.play(given.abort("why", script.clock.deadline()))
    assert given.aborted


def test_an_aborts_reason_is_cut_and_is_unicode() -> None:
    script = Script([t.AbortResponse()])
    script.play(scope().abort("\udc80" + "x" * 2000, script.clock.deadline()))
    assert script.request(0).reason == "?" + "x" * 1023
