"""Kafka transactions, exactly once, through the Sidecommit sidecar.

`connect` makes a `Client`; `sidecommit.aio` has the same for asyncio.
"""

from ._core.subscription import Subscription
from ._sync.client import Client, connect
from ._sync.processor import Processor
from ._sync.transaction import Transaction
from .errors import (
    Aborted,
    BadRequest,
    Coordinate,
    DeadlineExceeded,
    Limit,
    NeedsHuman,
    NextAction,
    RecordError,
    Reject,
    SidecommitError,
)
from .records import ConsumedRecord, GroupOffsets, Member, Offset, Record, RetryTopic
from .results import Committed, Limits, Outcome, PartitionRange, ServerInfo, State
from .values import json, text

__version__ = "0.1.0"

__all__ = [
    "Aborted",
    "BadRequest",
    "Client",
    "Committed",
    "ConsumedRecord",
    "Coordinate",
    "DeadlineExceeded",
    "GroupOffsets",
    "Limit",
    "Limits",
    "Member",
    "NeedsHuman",
    "NextAction",
    "Offset",
    "Outcome",
    "PartitionRange",
    "Processor",
    "Record",
    "RecordError",
    "Reject",
    "RetryTopic",
    "ServerInfo",
    "SidecommitError",
    "State",
    "Subscription",
    "Transaction",
    "connect",
    "json",
    "text",
]
