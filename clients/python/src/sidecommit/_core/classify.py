"""What a failed gRPC call means."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from ..errors import Aborted, BadRequest, Coordinate, Limit, NeedsHuman, NextAction, SidecommitError
from ..v1 import error_pb2

# Where gRPC libraries carry a google.rpc.Status.
DETAILS = "grpc-status-details-bin"

_TOO_LARGE_OR_UNKNOWN = {
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_KINDS: dict[NextAction, type[SidecommitError]] = {
    NextAction.BEGIN_AGAIN: Aborted,
    NextAction.FIX_REQUEST: BadRequest,
    NextAction.STOP: NeedsHuman,
}


def of_call(error: grpc.RpcError, decides: bool) -> SidecommitError:
    """The error that a failed call's status is."""
    # What calls raise is a call, too.
    call: Any = error
    details = next((value for key, value in call.trailing_metadata() or () if key == DETAILS), None)
    return refusal(call.code(), call.details() or "", details, decides)


def refusal(code: grpc.StatusCode, message: str, details: bytes | None, decides: bool) -> SidecommitError:
    """The error that a status is.

    Args:
        code: The status code.
        message: The status message.
        details: The packed google.rpc.Status of the trailing metadata, if there was one.
        decides: Whether the call was one that decides a transaction's fate: Commit, Transact, Abort.
    """
    detail, retry_after = _unpack(details)
    if detail is None:
        action = _judge(code, decides)
        return _KINDS.get(action, SidecommitError)(message, next_action=action, code=code, retry_after=retry_after)
    return said(detail, message, code, retry_after)


def said(detail: error_pb2.ErrorDetail, message: str, code: grpc.StatusCode, retry_after: float | None = None) -> SidecommitError:
    """The error that the sidecar described."""
    action = _action(detail.next_action)
    limit, at = detail.limit, detail.coordinate
    return _KINDS.get(action, SidecommitError)(
        message,
        next_action=action,
        code=code,
        reason=reason_name(detail.reason),
        record_index=detail.record_index if detail.HasField("record_index") else None,
        next_sequence=detail.next_sequence if detail.HasField("next_sequence") else None,
        limit=Limit(limit.setting, limit.limit, limit.actual) if detail.HasField("limit") else None,
        coordinate=Coordinate(at.topic, at.partition, at.offset) if detail.HasField("coordinate") else None,
        retry_after=retry_after,
    )


def reason_name(reason: int) -> str:
    """Without its prefix; empty if unspecified, its number if a newer sidecar has it."""
    if reason == error_pb2.REASON_UNSPECIFIED:
        return ""
    known = error_pb2.Reason.DESCRIPTOR.values_by_number.get(reason)
    return known.name.removeprefix("REASON_") if known else str(reason)


def _judge(code: grpc.StatusCode, decides: bool) -> NextAction:
    if code in _TOO_LARGE_OR_UNKNOWN:
        return NextAction.FIX_REQUEST
    return NextAction.ASK_OUTCOME if decides else NextAction.RETRY_SAME


def _action(number: int) -> NextAction:
    known = error_pb2.NextAction.DESCRIPTOR.values_by_number.get(number)
    name = known.name.removeprefix("NEXT_ACTION_") if known else ""
    return NextAction(name) if name in NextAction.__members__ else NextAction.RETRY_SAME


def _unpack(details: bytes | None) -> tuple[error_pb2.ErrorDetail | None, float | None]:
    found, retry_after = None, None
    try:
        status = status_pb2.Status.FromString(details or b"")
        for packed in status.details:
            detail, retry = error_pb2.ErrorDetail(), error_details_pb2.RetryInfo()
            if packed.Unpack(detail):
                found = detail
            elif packed.Unpack(retry):
                retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    except DecodeError:
        # Not the sidecar's: judged by its code.
        return None, None
    return found, retry_after
