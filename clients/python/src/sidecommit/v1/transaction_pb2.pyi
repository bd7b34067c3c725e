import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sidecommit.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "features", "incarnation", "identity", "limits", "state")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    version: str
    features: _containers.RepeatedScalarFieldContainer[str]
    incarnation: int
    identity: str
    limits: ServerLimits
    state: _types_pb2.ServingState
    def __init__(self, version: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., incarnation: _Optional[int] = ..., identity: _Optional[str] = ..., limits: _Optional[_Union[ServerLimits, _Mapping]] = ..., state: _Optional[_Union[_types_pb2.ServingState, str]] = ...) -> None: ...

class ServerLimits(_message.Message):
    __slots__ = ("message_bytes", "records_per_transaction", "bytes_per_transaction", "open_transactions", "idle_timeout", "default_timeout", "max_timeout", "delivery_timeout", "session_grace")
    MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RECORDS_PER_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    OPEN_TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    IDLE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SESSION_GRACE_FIELD_NUMBER: _ClassVar[int]
    message_bytes: int
    records_per_transaction: int
    bytes_per_transaction: int
    open_transactions: int
    idle_timeout: _duration_pb2.Duration
    default_timeout: _duration_pb2.Duration
    max_timeout: _duration_pb2.Duration
    delivery_timeout: _duration_pb2.Duration
    session_grace: _duration_pb2.Duration
    def __init__(self, message_bytes: _Optional[int] = ..., records_per_transaction: _Optional[int] = ..., bytes_per_transaction: _Optional[int] = ..., open_transactions: _Optional[int] = ..., idle_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., default_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delivery_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., session_grace: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class BeginRequest(_message.Message):
    __slots__ = ("request_id", "timeout", "label", "ordering_key")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ORDERING_KEY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    timeout: _duration_pb2.Duration
    label: str
    ordering_key: str
    def __init__(self, request_id: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., label: _Optional[str] = ..., ordering_key: _Optional[str] = ...) -> None: ...

class BeginResponse(_message.Message):
    __slots__ = ("transaction_id", "deadline")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    deadline: _timestamp_pb2.Timestamp
    def __init__(self, transaction_id: _Optional[str] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ProduceRequest(_message.Message):
    __slots__ = ("transaction_id", "sequence", "records")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    sequence: int
    records: _containers.RepeatedCompositeFieldContainer[_types_pb2.Record]
    def __init__(self, transaction_id: _Optional[str] = ..., sequence: _Optional[int] = ..., records: _Optional[_Iterable[_Union[_types_pb2.Record, _Mapping]]] = ...) -> None: ...

class ProduceResponse(_message.Message):
    __slots__ = ("next_sequence",)
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    next_sequence: int
    def __init__(self, next_sequence: _Optional[int] = ...) -> None: ...

class ProduceStreamRequest(_message.Message):
    __slots__ = ("transaction_id", "sequence", "records")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    sequence: int
    records: _containers.RepeatedCompositeFieldContainer[_types_pb2.Record]
    def __init__(self, transaction_id: _Optional[str] = ..., sequence: _Optional[int] = ..., records: _Optional[_Iterable[_Union[_types_pb2.Record, _Mapping]]] = ...) -> None: ...

class ProduceStreamResponse(_message.Message):
    __slots__ = ("next_sequence",)
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    next_sequence: int
    def __init__(self, next_sequence: _Optional[int] = ...) -> None: ...

class SendOffsetsRequest(_message.Message):
    __slots__ = ("transaction_id", "delivery_ids", "group_offsets")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    GROUP_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    delivery_ids: _containers.RepeatedScalarFieldContainer[str]
    group_offsets: _types_pb2.GroupOffsets
    def __init__(self, transaction_id: _Optional[str] = ..., delivery_ids: _Optional[_Iterable[str]] = ..., group_offsets: _Optional[_Union[_types_pb2.GroupOffsets, _Mapping]] = ...) -> None: ...

class SendOffsetsResponse(_message.Message):
    __slots__ = ("offsets_count",)
    OFFSETS_COUNT_FIELD_NUMBER: _ClassVar[int]
    offsets_count: int
    def __init__(self, offsets_count: _Optional[int] = ...) -> None: ...

class KeepAliveRequest(_message.Message):
    __slots__ = ("transaction_ids",)
    TRANSACTION_IDS_FIELD_NUMBER: _ClassVar[int]
    transaction_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, transaction_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class KeepAliveResponse(_message.Message):
    __slots__ = ("deadlines",)
    DEADLINES_FIELD_NUMBER: _ClassVar[int]
    deadlines: _containers.RepeatedCompositeFieldContainer[TransactionDeadline]
    def __init__(self, deadlines: _Optional[_Iterable[_Union[TransactionDeadline, _Mapping]]] = ...) -> None: ...

class TransactionDeadline(_message.Message):
    __slots__ = ("transaction_id", "deadline")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    deadline: _timestamp_pb2.Timestamp
    def __init__(self, transaction_id: _Optional[str] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CommitRequest(_message.Message):
    __slots__ = ("transaction_id", "record_count", "offsets_count", "delivery_ids", "group_offsets")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_COUNT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    GROUP_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    record_count: int
    offsets_count: int
    delivery_ids: _containers.RepeatedScalarFieldContainer[str]
    group_offsets: _containers.RepeatedCompositeFieldContainer[_types_pb2.GroupOffsets]
    def __init__(self, transaction_id: _Optional[str] = ..., record_count: _Optional[int] = ..., offsets_count: _Optional[int] = ..., delivery_ids: _Optional[_Iterable[str]] = ..., group_offsets: _Optional[_Iterable[_Union[_types_pb2.GroupOffsets, _Mapping]]] = ...) -> None: ...

class CommitResponse(_message.Message):
    __slots__ = ("transaction_id", "state", "ranges")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    state: _types_pb2.TransactionState
    ranges: _containers.RepeatedCompositeFieldContainer[_types_pb2.PartitionRange]
    def __init__(self, transaction_id: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.TransactionState, str]] = ..., ranges: _Optional[_Iterable[_Union[_types_pb2.PartitionRange, _Mapping]]] = ...) -> None: ...

class AbortRequest(_message.Message):
    __slots__ = ("transaction_id", "reason", "failures")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    reason: str
    failures: _containers.RepeatedCompositeFieldContainer[DeliveryFailure]
    def __init__(self, transaction_id: _Optional[str] = ..., reason: _Optional[str] = ..., failures: _Optional[_Iterable[_Union[DeliveryFailure, _Mapping]]] = ...) -> None: ...

class DeliveryFailure(_message.Message):
    __slots__ = ("delivery_id", "offset", "retryable", "error_class", "message")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    ERROR_CLASS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    offset: int
    retryable: bool
    error_class: str
    message: str
    def __init__(self, delivery_id: _Optional[str] = ..., offset: _Optional[int] = ..., retryable: bool = ..., error_class: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class AbortResponse(_message.Message):
    __slots__ = ("transaction_id", "state")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    state: _types_pb2.TransactionState
    def __init__(self, transaction_id: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.TransactionState, str]] = ...) -> None: ...

class TransactRequest(_message.Message):
    __slots__ = ("idempotency_key", "first_attempt_time", "records", "delivery_ids", "group_offsets", "timeout", "ordering_key")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    FIRST_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    GROUP_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ORDERING_KEY_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    first_attempt_time: _timestamp_pb2.Timestamp
    records: _containers.RepeatedCompositeFieldContainer[_types_pb2.Record]
    delivery_ids: _containers.RepeatedScalarFieldContainer[str]
    group_offsets: _containers.RepeatedCompositeFieldContainer[_types_pb2.GroupOffsets]
    timeout: _duration_pb2.Duration
    ordering_key: str
    def __init__(self, idempotency_key: _Optional[str] = ..., first_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., records: _Optional[_Iterable[_Union[_types_pb2.Record, _Mapping]]] = ..., delivery_ids: _Optional[_Iterable[str]] = ..., group_offsets: _Optional[_Iterable[_Union[_types_pb2.GroupOffsets, _Mapping]]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ordering_key: _Optional[str] = ...) -> None: ...

class TransactResponse(_message.Message):
    __slots__ = ("transaction_id", "state", "ranges")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    state: _types_pb2.TransactionState
    ranges: _containers.RepeatedCompositeFieldContainer[_types_pb2.PartitionRange]
    def __init__(self, transaction_id: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.TransactionState, str]] = ..., ranges: _Optional[_Iterable[_Union[_types_pb2.PartitionRange, _Mapping]]] = ...) -> None: ...

class GetTransactionRequest(_message.Message):
    __slots__ = ("transaction_id", "request_id", "idempotency_key", "wait")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    request_id: str
    idempotency_key: str
    wait: bool
    def __init__(self, transaction_id: _Optional[str] = ..., request_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., wait: bool = ...) -> None: ...

class GetTransactionResponse(_message.Message):
    __slots__ = ("transaction",)
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    transaction: _types_pb2.Transaction
    def __init__(self, transaction: _Optional[_Union[_types_pb2.Transaction, _Mapping]] = ...) -> None: ...
