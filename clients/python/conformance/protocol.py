"""The line protocol of tests/conformance: JSON on the one side, the client's types on the other."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import sidecommit
from sidecommit import ConsumedRecord, Member, Offset, Record

Command = dict[str, Any]
_lock = threading.Lock()
_W3C = TraceContextTextMapPropagator()
_KINDS: dict[type[BaseException], str] = {
    sidecommit.Aborted: "aborted",
    sidecommit.BadRequest: "bad_request",
    sidecommit.NeedsHuman: "needs_human",
    sidecommit.DeadlineExceeded: "deadline_exceeded",
}


class ApplicationError(Exception):
    """What `"end":"throw"` throws."""


def say(line: dict[str, Any]) -> None:
    with _lock:
        print(json.dumps(line), flush=True)


def commands() -> Iterator[Command]:
    """What the runner says, until it hangs up."""
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)


def error(error: BaseException, **more: Any) -> dict[str, Any]:
    """An error as answers have it."""
    answer = {"kind": _KINDS.get(type(error), "other"), "message": str(error), **more}
    if isinstance(error, ApplicationError):
        answer["kind"] = "application"
    if isinstance(error, sidecommit.SidecommitError):
        answer["next_action"] = error.next_action.value
        given = {"reason": error.reason, "transaction_id": error.transaction_id}
        answer |= {name: value for name, value in given.items() if value}
        if error.record_index is not None:
            answer["record_index"] = error.record_index
    if isinstance(error, sidecommit.DeadlineExceeded):
        answer["in_doubt"] = error.in_doubt
    return answer


def seconds(command: Command, name: str) -> float | None:
    """Absent and 0 are none."""
    return command[name] / 1000 if command.get(name) else None


def records(command: Command) -> list[Record]:
    return [
        Record(
            topic=given["topic"],
            partition=given.get("partition"),
            key=_bytes(given.get("key")),
            value=_bytes(given.get("value")),
            headers=[(name, _bytes(value)) for name, value in given.get("headers") or ()],
            timestamp_ms=given.get("timestamp_ms"),
        )
        for given in command.get("records") or ()
    ]


def generated(command: Command) -> Iterator[tuple[str, bytes, bytes]]:
    """Topic, value and key of what `generate` asks for."""
    wanted = command.get("generate")
    if wanted:
        for i in range(wanted["count"]):
            key = str(i).encode()
            yield wanted["topic"], key.ljust(wanted["size"], b"."), key


def offsets(command: Command) -> tuple[Member, list[Offset]] | None:
    given = command.get("offsets")
    if not given:
        return None
    return Member(given["group_id"]), [Offset(o["topic"], o["partition"], o["offset"]) for o in given["offsets"]]


def committed(done: sidecommit.Committed[Any]) -> dict[str, Any]:
    return {"transaction_id": done.transaction_id, "ranges": ranges(done.ranges)}


def outcome(found: sidecommit.Outcome) -> dict[str, Any]:
    answer = {"state": found.state.value, "record_count": found.record_count, "ranges": ranges(found.ranges)}
    return answer | ({"reason": found.reason} if found.reason else {})


def outcome_names(command: Command) -> dict[str, Any]:
    """What get_outcome takes."""
    names = {name: command.get(name) for name in ("transaction_id", "request_id")}
    return names | {"idempotency_key": command.get("key"), "wait": command.get("wait", True)}


def first_attempt(command: Command) -> datetime | None:
    given = seconds(command, "first_attempt_ms")
    return None if given is None else datetime.fromtimestamp(given, timezone.utc)


def ranges(given: Iterable[sidecommit.PartitionRange]) -> list[dict[str, Any]]:
    return [vars(part) for part in given]


def subscription(command: Command) -> dict[str, Any]:
    """Options of `process`."""
    options = {
        "max_attempts": command.get("max_attempts"),
        "backoff": seconds(command, "backoff_ms"),
        "dead_letter_topic": command.get("dead_letter_topic"),
        "max_records": command.get("max_records"),
    }
    return {"batch": command.get("batch", False)} | {name: value for name, value in options.items() if value}


def handler(command: Command) -> Callable[[ConsumedRecord], Record]:
    """Copies a record, unless it is the poison."""
    poison = _bytes(command.get("poison"))
    driver = os.environ.get("SIDECOMMIT_DRIVER", "").encode()

    def handle(record: ConsumedRecord) -> Record:
        if poison is not None and record.value == poison:
            raise ApplicationError("poison")
        # The trace is the client's to pass on.
        untraced = [(name, value) for name, value in record.headers if name not in _W3C.fields]
        headers = [("driver", driver), *untraced]
        current = trace.get_current_span().get_span_context()
        if current.is_valid:
            headers.append(("seen-traceparent", trace.format_trace_id(current.trace_id).encode()))
        return Record(command["output"], record.value, record.key, headers)

    return handle


def follow(command: Command) -> None:
    """Makes a context the current one."""
    carrier = {"traceparent": command.get("traceparent") or ""}
    context.attach(_W3C.extract(carrier, context.Context()))


def _bytes(given: str | None) -> bytes | None:
    return None if given is None else base64.b64decode(given)
