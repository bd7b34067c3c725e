from __future__ import annotations

import pytest

from script import Script, refused
from sidecommit import NextAction
from sidecommit._core.flow import Pause
from sidecommit._core.keepalive import YOUNG_SECONDS, Open, keep
from sidecommit.v1 import transaction_pb2 as t


def info(idle_seconds: int) -> t.GetServerInfoResponse:
    response = t.GetServerInfoResponse()
    response.limits.idle_timeout.FromSeconds(idle_seconds)
    return response


def opened(*ids: str) -> Open:
    transactions = Open()
    for transaction_id in ids:
        transactions.add(transaction_id)
    return transactions


def closing(transactions: Open, *ids: str) -> object:
    """Answers a KeepAlive, and these are over."""

    def answer(_: object) -> object:
        for transaction_id in ids:
            transactions.remove(transaction_id)
        return t.KeepAliveResponse()

    return answer


def test_open_transactions_are_kept_alive_each_third_of_the_idle_timeout() -> None:
    transactions = opened("a")
    script = Script([info(9), t.KeepAliveResponse(), info(9), closing(transactions, "a")])
    script.play(keep(transactions))
    assert script.calls == ["GetServerInfo", "KeepAlive"] * 2
    assert list(script.request(1).transaction_ids) == ["a"]
    # The first time after they are old, then after 3 s.
    assert sum(script.pauses) == 2 * YOUNG_SECONDS + 3
    assert script.clock.now == 100 + sum(script.pauses)


def test_transactions_that_are_over_soon_ask_for_nothing() -> None:
    transactions = opened("a")
    flow = keep(transactions)
    assert next(flow) == Pause(YOUNG_SECONDS)
    transactions.remove("a")
    with pytest.raises(StopIteration):
        flow.send(None)


def test_a_call_has_a_thousand_at_most() -> None:
    ids = [f"tx-{i}" for i in range(1001)]
    transactions = opened(*ids)
    script = Script([info(9), t.KeepAliveResponse(), closing(transactions, *ids)])
    script.play(keep(transactions))
    assert [len(script.request(i).transaction_ids) for i in (1, 2)] == [1000, 1]


def test_a_call_that_fails_is_made_again() -> None:
    transactions = opened("a")
    failed = refused(NextAction.RETRY_SAME)
    script = Script([failed, info(9), failed, info(9), closing(transactions, "a")])
    script.play(keep(transactions))
    assert script.calls == ["GetServerInfo", "GetServerInfo", "KeepAlive", "GetServerInfo", "KeepAlive"]


def test_other_transactions_do_not_wait_for_those_before() -> None:
    transactions = opened("a")

    def replace(_: object) -> object:
        transactions.remove("a")
        transactions.add("b")
        return t.KeepAliveResponse()

    script = Script([info(900), replace, info(1), closing(transactions, "b")])
    script.play(keep(transactions))
    assert list(script.request(3).transaction_ids) == ["b"]
    assert sum(script.pauses) < 2
