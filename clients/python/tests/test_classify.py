from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from sidecommit import Aborted, BadRequest, Coordinate, Limit, NeedsHuman, NextAction, SidecommitError
from sidecommit._core.classify import refusal
from sidecommit.v1 import error_pb2

CODE = grpc.StatusCode


def packed(detail: error_pb2.ErrorDetail, retry_ms: int | None = None) -> bytes:
    details = [Any(), Any()]
    details[0].Pack(detail)
    details[1].Pack(error_details_pb2.RetryInfo(retry_delay=Duration(nanos=(retry_ms or 0) * 1_000_000)))
    status = status_pb2.Status(code=1, details=details[: 1 if retry_ms is None else 2])
    return bytes(status.SerializeToString())


@pytest.mark.parametrize("code", [CODE.DEADLINE_EXCEEDED, CODE.CANCELLED, CODE.INTERNAL, CODE.UNKNOWN, CODE.UNAVAILABLE])
def test_a_librarys_failure_leaves_a_commit_in_doubt_and_is_repeated_else(code: grpc.StatusCode) -> None:
    assert refusal(code, "", None, decides=True).next_action is NextAction.ASK_OUTCOME
    assert refusal(code, "", None, decides=False).next_action is NextAction.RETRY_SAME


@pytest.mark.parametrize("code", [CODE.OUT_OF_RANGE, CODE.UNIMPLEMENTED, CODE.RESOURCE_EXHAUSTED])
@pytest.mark.parametrize("decides", [True, False])
def test_what_is_too_large_or_unknown_is_to_be_corrected(code: grpc.StatusCode, decides: bool) -> None:
    assert type(refusal(code, "", None, decides)) is BadRequest


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (error_pb2.NEXT_ACTION_BEGIN_AGAIN, Aborted),
        (error_pb2.NEXT_ACTION_FIX_REQUEST, BadRequest),
        (error_pb2.NEXT_ACTION_STOP, NeedsHuman),
        (error_pb2.NEXT_ACTION_WAIT_READY, SidecommitError),
    ],
)
def test_the_next_action_decides_the_type(action: error_pb2.NextAction, kind: type[SidecommitError]) -> None:
    detail = error_pb2.ErrorDetail(reason=error_pb2.REASON_TIMED_OUT, next_action=action)
    error = refusal(CODE.ABORTED, "said", packed(detail), decides=True)
    assert type(error) is kind
    assert (error.reason, error.code, error.message) == ("TIMED_OUT", CODE.ABORTED, "said")


def test_what_the_sidecar_says_is_in_the_error() -> None:
    detail = error_pb2.ErrorDetail(
        reason=error_pb2.REASON_BUFFER_EXCEEDED,
        next_action=error_pb2.NEXT_ACTION_RETRY_SAME,
        record_index=0,
        next_sequence=0,
        limit=error_pb2.LimitExceeded(setting="limits.a", limit=1, actual=2),
        coordinate=error_pb2.Coordinate(topic="t", partition=1, offset=2),
    )
    error = refusal(CODE.RESOURCE_EXHAUSTED, "", packed(detail, retry_ms=250), decides=False)
    assert (error.record_index, error.next_sequence, error.retry_after) == (0, 0, 0.25)
    assert (error.limit, error.coordinate) == (Limit("limits.a", 1, 2), Coordinate("t", 1, 2))


def test_what_is_not_said_is_none() -> None:
    error = refusal(CODE.ABORTED, "", packed(error_pb2.ErrorDetail()), decides=False)
    assert (error.record_index, error.next_sequence, error.limit, error.coordinate) == (None,) * 4


def test_what_a_newer_sidecar_says_is_repeated() -> None:
    detail = error_pb2.ErrorDetail.FromString(b"\x08\xe7\x07\x10\x63")
    error = refusal(CODE.ABORTED, "", packed(detail), decides=True)
    assert (error.reason, error.next_action) == ("999", NextAction.RETRY_SAME)


def test_details_that_are_none_are_ignored() -> None:
    assert refusal(CODE.UNAVAILABLE, "", b"\xff\xff", decides=False).next_action is NextAction.RETRY_SAME
