"""Sidecommit for asyncio: the names of `sidecommit`, whose calls are coroutines here."""

from .._core.subscription import Subscription
from ..errors import (
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
from ..records import ConsumedRecord, GroupOffsets, Member, Offset, Record, RetryTopic
from ..results import Committed, Limits, Outcome, PartitionRange, ServerInfo, State
from ..values import json, text
from .client import Client, connect
from .processor import Processor
from .transaction import Transaction

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
