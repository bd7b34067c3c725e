from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NextAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NEXT_ACTION_UNSPECIFIED: _ClassVar[NextAction]
    NEXT_ACTION_RETRY_SAME: _ClassVar[NextAction]
    NEXT_ACTION_BEGIN_AGAIN: _ClassVar[NextAction]
    NEXT_ACTION_FIX_REQUEST: _ClassVar[NextAction]
    NEXT_ACTION_ASK_OUTCOME: _ClassVar[NextAction]
    NEXT_ACTION_WAIT_READY: _ClassVar[NextAction]
    NEXT_ACTION_STOP: _ClassVar[NextAction]

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_UNSPECIFIED: _ClassVar[Reason]
    REASON_INVALID_FIELD: _ClassVar[Reason]
    REASON_UNKNOWN_TOPIC: _ClassVar[Reason]
    REASON_PARTITION_OUT_OF_RANGE: _ClassVar[Reason]
    REASON_RECORD_TOO_LARGE: _ClassVar[Reason]
    REASON_INVALID_TIMESTAMP: _ClassVar[Reason]
    REASON_KEY_REQUIRED: _ClassVar[Reason]
    REASON_KEY_REUSED: _ClassVar[Reason]
    REASON_REQUEST_REUSED: _ClassVar[Reason]
    REASON_TRANSACTION_TOO_LARGE: _ClassVar[Reason]
    REASON_NEVER_ISSUED: _ClassVar[Reason]
    REASON_OUTCOME_FORGOTTEN: _ClassVar[Reason]
    REASON_SEQUENCE_GAP: _ClassVar[Reason]
    REASON_INCOMPLETE: _ClassVar[Reason]
    REASON_NOT_OPEN: _ClassVar[Reason]
    REASON_ALREADY_COMMITTED: _ClassVar[Reason]
    REASON_DELIVERY_TAKEN: _ClassVar[Reason]
    REASON_DELIVERY_REVOKED: _ClassVar[Reason]
    REASON_MEMBER_FENCED: _ClassVar[Reason]
    REASON_OFFSET_MISSING: _ClassVar[Reason]
    REASON_SESSION_TAKEN: _ClassVar[Reason]
    REASON_RECORD_TOO_LARGE_FOR_CLIENT: _ClassVar[Reason]
    REASON_TIMED_OUT: _ClassVar[Reason]
    REASON_TIMED_OUT_IDLE: _ClassVar[Reason]
    REASON_FENCED: _ClassVar[Reason]
    REASON_REBALANCED: _ClassVar[Reason]
    REASON_DRAINED: _ClassVar[Reason]
    REASON_SIDECAR_RESTARTED: _ClassVar[Reason]
    REASON_BUFFER_PRESSURE: _ClassVar[Reason]
    REASON_RECORD_REJECTED: _ClassVar[Reason]
    REASON_ABORTED_BY_CALLER: _ClassVar[Reason]
    REASON_ABORTED_BY_OPERATOR: _ClassVar[Reason]
    REASON_KAFKA_FAILED: _ClassVar[Reason]
    REASON_SESSION_LOST: _ClassVar[Reason]
    REASON_DELIVERY_TIMED_OUT: _ClassVar[Reason]
    REASON_RECOVERING: _ClassVar[Reason]
    REASON_KAFKA_UNREACHABLE: _ClassVar[Reason]
    REASON_OUTCOME_PENDING: _ClassVar[Reason]
    REASON_FENCED_BY_RIVAL: _ClassVar[Reason]
    REASON_DRAINING: _ClassVar[Reason]
    REASON_NO_SLOT: _ClassVar[Reason]
    REASON_JOURNAL_FAILED: _ClassVar[Reason]
    REASON_OPEN_TRANSACTIONS_EXCEEDED: _ClassVar[Reason]
    REASON_QUEUE_EXCEEDED: _ClassVar[Reason]
    REASON_BUFFER_EXCEEDED: _ClassVar[Reason]
    REASON_SESSIONS_EXCEEDED: _ClassVar[Reason]
    REASON_TOPIC_DENIED: _ClassVar[Reason]
    REASON_GROUP_DENIED: _ClassVar[Reason]
    REASON_TRANSACTIONAL_ID_DENIED: _ClassVar[Reason]
    REASON_OUTCOME_UNKNOWN: _ClassVar[Reason]
NEXT_ACTION_UNSPECIFIED: NextAction
NEXT_ACTION_RETRY_SAME: NextAction
NEXT_ACTION_BEGIN_AGAIN: NextAction
NEXT_ACTION_FIX_REQUEST: NextAction
NEXT_ACTION_ASK_OUTCOME: NextAction
NEXT_ACTION_WAIT_READY: NextAction
NEXT_ACTION_STOP: NextAction
REASON_UNSPECIFIED: Reason
REASON_INVALID_FIELD: Reason
REASON_UNKNOWN_TOPIC: Reason
REASON_PARTITION_OUT_OF_RANGE: Reason
REASON_RECORD_TOO_LARGE: Reason
REASON_INVALID_TIMESTAMP: Reason
REASON_KEY_REQUIRED: Reason
REASON_KEY_REUSED: Reason
REASON_REQUEST_REUSED: Reason
REASON_TRANSACTION_TOO_LARGE: Reason
REASON_NEVER_ISSUED: Reason
REASON_OUTCOME_FORGOTTEN: Reason
REASON_SEQUENCE_GAP: Reason
REASON_INCOMPLETE: Reason
REASON_NOT_OPEN: Reason
REASON_ALREADY_COMMITTED: Reason
REASON_DELIVERY_TAKEN: Reason
REASON_DELIVERY_REVOKED: Reason
REASON_MEMBER_FENCED: Reason
REASON_OFFSET_MISSING: Reason
REASON_SESSION_TAKEN: Reason
REASON_RECORD_TOO_LARGE_FOR_CLIENT: Reason
REASON_TIMED_OUT: Reason
REASON_TIMED_OUT_IDLE: Reason
REASON_FENCED: Reason
REASON_REBALANCED: Reason
REASON_DRAINED: Reason
REASON_SIDECAR_RESTARTED: Reason
REASON_BUFFER_PRESSURE: Reason
REASON_RECORD_REJECTED: Reason
REASON_ABORTED_BY_CALLER: Reason
REASON_ABORTED_BY_OPERATOR: Reason
REASON_KAFKA_FAILED: Reason
REASON_SESSION_LOST: Reason
REASON_DELIVERY_TIMED_OUT: Reason
REASON_RECOVERING: Reason
REASON_KAFKA_UNREACHABLE: Reason
REASON_OUTCOME_PENDING: Reason
REASON_FENCED_BY_RIVAL: Reason
REASON_DRAINING: Reason
REASON_NO_SLOT: Reason
REASON_JOURNAL_FAILED: Reason
REASON_OPEN_TRANSACTIONS_EXCEEDED: Reason
REASON_QUEUE_EXCEEDED: Reason
REASON_BUFFER_EXCEEDED: Reason
REASON_SESSIONS_EXCEEDED: Reason
REASON_TOPIC_DENIED: Reason
REASON_GROUP_DENIED: Reason
REASON_TRANSACTIONAL_ID_DENIED: Reason
REASON_OUTCOME_UNKNOWN: Reason

class ErrorDetail(_message.Message):
    __slots__ = ("reason", "next_action", "record_index", "next_sequence", "limit", "coordinate")
    REASON_FIELD_NUMBER: _ClassVar[int]
    NEXT_ACTION_FIELD_NUMBER: _ClassVar[int]
    RECORD_INDEX_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    COORDINATE_FIELD_NUMBER: _ClassVar[int]
    reason: Reason
    next_action: NextAction
    record_index: int
    next_sequence: int
    limit: LimitExceeded
    coordinate: Coordinate
    def __init__(self, reason: _Optional[_Union[Reason, str]] = ..., next_action: _Optional[_Union[NextAction, str]] = ..., record_index: _Optional[int] = ..., next_sequence: _Optional[int] = ..., limit: _Optional[_Union[LimitExceeded, _Mapping]] = ..., coordinate: _Optional[_Union[Coordinate, _Mapping]] = ...) -> None: ...

class LimitExceeded(_message.Message):
    __slots__ = ("setting", "limit", "actual")
    SETTING_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    setting: str
    limit: int
    actual: int
    def __init__(self, setting: _Optional[str] = ..., limit: _Optional[int] = ..., actual: _Optional[int] = ...) -> None: ...

class Coordinate(_message.Message):
    __slots__ = ("topic", "partition", "offset")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    offset: int
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...
