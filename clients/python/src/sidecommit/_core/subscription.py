"""What `process` is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, TypeVar

from ..records import RetryTopic
from ..v1 import consume_pb2
from .convert import duration

T = TypeVar("T")

_RESET = {
    "earliest": consume_pb2.RESET_POLICY_EARLIEST,
    "latest": consume_pb2.RESET_POLICY_LATEST,
    "none": consume_pb2.RESET_POLICY_NONE,
}
_PROTOCOL = {
    "cooperative": consume_pb2.GROUP_PROTOCOL_CLASSIC_COOPERATIVE,
    "eager": consume_pb2.GROUP_PROTOCOL_CLASSIC_EAGER,
    "consumer": consume_pb2.GROUP_PROTOCOL_CONSUMER,
}


class Subscription(TypedDict, total=False):
    """Options of `process` that are the sidecar's business; in brackets what holds without them. Times are in seconds."""

    max_attempts: int
    """How often a record may fail alone before it is moved (3)."""
    backoff: float
    """The pause before the second attempt; it doubles (0.1)."""
    backoff_max: float
    """The longest pause (10)."""
    retry_topics: Sequence[RetryTopic]
    """Where records go that have failed, in order."""
    dead_letter_topic: str
    """Where records end that cannot be processed (nowhere: they are attempted again for ever)."""
    reset_policy: str
    """Where a group without offsets begins: `earliest`, `latest`, or `none`, which is an error (`earliest`)."""
    group_instance_id: str
    """Makes it a static member."""
    group_protocol: str
    """`cooperative`, `eager`, or `consumer`, which is KIP-848 (`cooperative`)."""
    max_records: int
    """Records of a delivery (500)."""
    max_delivery_bytes: int
    """Bytes of a delivery's records (1 MiB)."""
    max_message_bytes: int
    """The largest message, which one record may fill (4 MiB)."""
    delivery_timeout: float
    """How long a delivery may be worked on (300)."""


# Which of the options make a retry policy.
_RETRY = {"max_attempts", "backoff", "backoff_max", "retry_topics", "dead_letter_topic"}


def subscribe(group: str, topics: str | Sequence[str], options: Subscription) -> consume_pb2.Subscribe:
    """The first message of the stream. A single text is a topic's name or, beginning with ^, a pattern.

    Raises:
        TypeError, ValueError: There is no such option, or it has no such value.
    """
    if unknown := options.keys() - Subscription.__annotations__.keys():
        raise TypeError(f"process has no option {', '.join(sorted(unknown))}")
    names = [topics] if isinstance(topics, str) else list(topics)
    pattern = topics if isinstance(topics, str) and topics.startswith("^") else ""
    policy = None
    if _RETRY & options.keys():
        policy = consume_pb2.RetryPolicy(
            max_attempts=options.get("max_attempts", 0),
            backoff=duration(options.get("backoff")),
            backoff_max=duration(options.get("backoff_max")),
            retry_topics=[
                consume_pb2.RetryTopic(topic=retry.topic, delay=duration(retry.delay))
                for retry in options.get("retry_topics", ())
            ],
            dead_letter_topic=options.get("dead_letter_topic", ""),
        )
    return consume_pb2.Subscribe(
        group_id=group,
        topics=() if pattern else names,
        topic_pattern=pattern,
        group_instance_id=options.get("group_instance_id", ""),
        limits=consume_pb2.DeliveryLimits(
            max_records=options.get("max_records", 0),
            max_delivery_bytes=options.get("max_delivery_bytes", 0),
            max_message_bytes=options.get("max_message_bytes", 0),
        ),
        reset_policy=_choice("reset_policy", options.get("reset_policy", "earliest"), _RESET),
        group_protocol=_choice("group_protocol", options.get("group_protocol", "cooperative"), _PROTOCOL),
        retry_policy=policy,
        delivery_timeout=duration(options.get("delivery_timeout")),
    )


def _choice(option: str, given: str, known: Mapping[str, T]) -> T:
    if given not in known:
        raise ValueError(f"{option} {given!r}: expected one of {', '.join(known)}")
    return known[given]
