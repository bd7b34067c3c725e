"""The programs of examples/effects, and how their effects are counted."""

from __future__ import annotations

from .http_api import HttpApi
from .outbox_relay import OutboxRelay
from .pattern import Pattern
from .processed_events import ProcessedEvents
from .upsert_sink import UpsertSink

PATTERNS: dict[str, type[Pattern]] = {one.name: one for one in (ProcessedEvents, UpsertSink, OutboxRelay, HttpApi)}
