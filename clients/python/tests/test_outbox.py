from __future__ import annotations

import pytest

from script import refused
from sidecommit import Aborted, NextAction, json
from sidecommit._core.outbox import Outbox
from sidecommit.v1 import transaction_pb2


def outbox() -> Outbox:
    made = Outbox(None)
    made.transaction_id = "tx-1"
    return made


def drain(given: Outbox) -> list[transaction_pb2.ProduceStreamRequest]:
    """All that goes onto the stream now."""
    taken = []
    while (batch := given.next_batch()) is not None:
        taken.append(transaction_pb2.ProduceStreamRequest.FromString(batch))
    return taken


def values(batches: list[transaction_pb2.ProduceStreamRequest]) -> list[bytes]:
    return [record.value for batch in batches for record in batch.records]


def filled(count: int) -> Outbox:
    given = outbox()
    for i in range(count):
        given.add("t", b"%d" % i)
    given.complete()
    return given


def test_a_batch_has_500_records_and_the_next_one_goes_on_numbering() -> None:
    batches = drain(filled(1001))
    assert [(batch.sequence, len(batch.records)) for batch in batches] == [(0, 500), (500, 500), (1000, 1)]
    assert {batch.transaction_id for batch in batches} == {"tx-1"}


def test_a_batch_has_at_most_256_KiB_unless_one_record_has_more() -> None:  # noqa: N802
    given = outbox()
    ready = [given.add("t", bytes(size)) for size in (100_000, 100_000, 100_000, 1_000_000, 1)]
    given.complete()
    assert [len(batch.records) for batch in drain(given)] == [2, 1, 1, 1]
    assert ready == [False, False, True, True, True]


def test_what_is_not_complete_waits() -> None:
    given = outbox()
    given.add("t", b"v")
    assert given.next_batch() is None
    given.complete()
    assert given.next_batch() is not None


def test_absent_is_not_empty() -> None:
    given = outbox()
    given.add("t")
    given.add("t", b"", b"", headers={"h": None}, partition=0, timestamp_ms=0)
    given.complete()
    absent, empty = drain(given)[0].records
    fields = ("value", "key", "partition", "timestamp_ms")
    assert [absent.HasField(name) for name in fields] == [False] * 4
    assert [empty.HasField(name) for name in fields] == [True] * 4
    assert [(header.name, header.HasField("value")) for header in empty.headers] == [("h", False)]


def test_the_window_is_full_by_records_and_by_bytes_and_empties_with_acks() -> None:
    given = filled(4999)
    assert not given.full
    given.add("t", b"last")
    assert given.full
    given.acknowledge(500)
    assert not given.full
    large = outbox()
    large.add("t", bytes(4 << 20))
    assert large.full
    large.complete()
    large.acknowledge(1)
    assert not large.full


def test_after_a_break_what_is_not_acknowledged_is_sent_again() -> None:
    given = filled(1200)
    drain(given)
    given.acknowledge(500)
    pause = given.ended(refused(NextAction.RETRY_SAME, retry_after=0.2))
    assert pause == 0.2
    assert values(drain(given)) == [b"%d" % i for i in range(500, 1200)]
    given.acknowledge(1200)
    assert given.settled
    assert given.ended(None) is None


def test_the_sidecars_next_sequence_is_obeyed_within_a_batch() -> None:
    given = filled(700)
    drain(given)
    given.ended(refused(NextAction.RETRY_SAME, "SEQUENCE_GAP", next_sequence=300))
    batches = drain(given)
    assert [(batch.sequence, len(batch.records)) for batch in batches] == [(300, 200), (500, 200)]
    assert values(batches) == [b"%d" % i for i in range(300, 700)]


def test_a_stream_that_ends_too_early_is_opened_again() -> None:
    given = filled(10)
    drain(given)
    assert given.ended(None) is not None
    assert len(drain(given)) == 1


def test_a_refusal_stays() -> None:
    given = filled(1)
    assert given.ended(refused(NextAction.BEGIN_AGAIN, "TIMED_OUT")) is None
    with pytest.raises(Aborted) as raised:
        given.add("t", b"v")
    assert raised.value.transaction_id == "tx-1"
    assert given.next_batch() is None


def test_few_records_are_one_request() -> None:
    given = filled(3)
    only = given.only_batch()
    assert only is not None
    assert (only.transaction_id, only.sequence, len(only.records)) == ("tx-1", 0, 3)
    assert filled(501).only_batch() is None
    drain(given)
    assert given.only_batch() is None


@pytest.mark.parametrize("bad", [{"value": "text"}, {"key": 1}, {"headers": {"h": "text"}}, {"partition": "0"}])
def test_what_is_no_record_is_not_queued(bad: dict[str, object]) -> None:
    given = outbox()
    given.add("t", b"good")
    with pytest.raises(TypeError):
        given.add("t", **bad)  # type: ignore[arg-type]
    assert given.queued == 1
    given.complete()
    assert values(drain(given)) == [b"good"]


def test_a_serializer_makes_bytes_of_what_is_none() -> None:
    given = Outbox(json)
    given.add("t", {"a": 1}, "key")
    given.add("t", bytearray(b"raw"), None)
    given.complete()
    first, second = drain(given)[0].records
    assert (first.value, first.key, second.value, second.HasField("key")) == (b'{"a":1}', b'"key"', b"raw", False)
