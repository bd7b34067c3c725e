from __future__ import annotations

import pytest

from sidecommit import ConsumedRecord, Record, json, text
from sidecommit._core import convert
from sidecommit._core.subscription import Subscription, subscribe
from sidecommit.records import RetryTopic
from sidecommit.v1 import consume_pb2, types_pb2


def consumed(value: bytes | None) -> ConsumedRecord:
    headers = (("h", b"1"), ("h", None))
    return ConsumedRecord("t", 0, 0, -1, None, value, headers, 1, "id")


def test_helpers_go_both_ways() -> None:
    assert consumed(text("grün")).text() == "grün"
    assert consumed(json({"ä": [1, None]})).json() == {"ä": [1, None]}
    assert consumed(b"12").decode(int) == 12
    assert json({"ä": 1}) == '{"ä":1}'.encode()


def test_a_tombstone_has_no_value_whatever_it_is_read_as() -> None:
    assert (consumed(None).text(), consumed(None).json(), consumed(None).decode(int)) == (None, None, None)


def test_the_last_header_of_a_name_counts() -> None:
    assert consumed(b"").header("h") is None
    assert consumed(b"").header("other") is None


def test_delivered_records_tell_absent_from_empty() -> None:
    given = consume_pb2.Delivery(topic="t", records=[consume_pb2.ConsumedRecord(value=b""), consume_pb2.ConsumedRecord()])
    assert [record.value for record in convert.consumed(given)] == [b"", None]


def test_what_produce_takes_comes_to_the_same_record() -> None:
    packed = convert.record(Record("t", b"", b"k", [("h", None), ("h", b"")], 0, 0), None)
    assert convert.record(Record(**convert.fields(packed)), None) == packed
    tombstone = types_pb2.Record(topic="t")
    assert convert.record(Record(**convert.fields(tombstone)), None) == tombstone


def test_a_subscription_says_only_what_it_is_told() -> None:
    assert not subscribe("g", ["a"], {}).HasField("retry_policy")
    assert subscribe("g", "a", {}).topics == ["a"]
    assert subscribe("g", "^a.*", {}).topic_pattern == "^a.*"
    options: Subscription = {"max_attempts": 2, "backoff": 0.02, "retry_topics": [RetryTopic("r", 1.5)]}
    policy = subscribe("g", ["a"], options).retry_policy
    assert (policy.max_attempts, policy.backoff.ToMilliseconds(), policy.HasField("backoff_max")) == (2, 20, False)
    assert policy.retry_topics[0].delay.ToMilliseconds() == 1500


def test_wrong_options_are_said_so() -> None:
    with pytest.raises(ValueError, match="reset_policy 'never'"):
        subscribe("g", ["a"], {"reset_policy": "never"})
    with pytest.raises(TypeError, match="max_attemps"):
        subscribe("g", ["a"], {"max_attemps": 1})  # type: ignore[typeddict-unknown-key]
