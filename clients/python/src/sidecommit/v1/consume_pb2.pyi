import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from sidecommit.v1 import error_pb2 as _error_pb2
from sidecommit.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResetPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESET_POLICY_UNSPECIFIED: _ClassVar[ResetPolicy]
    RESET_POLICY_EARLIEST: _ClassVar[ResetPolicy]
    RESET_POLICY_LATEST: _ClassVar[ResetPolicy]
    RESET_POLICY_NONE: _ClassVar[ResetPolicy]

class GroupProtocol(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_PROTOCOL_UNSPECIFIED: _ClassVar[GroupProtocol]
    GROUP_PROTOCOL_CLASSIC_COOPERATIVE: _ClassVar[GroupProtocol]
    GROUP_PROTOCOL_CLASSIC_EAGER: _ClassVar[GroupProtocol]
    GROUP_PROTOCOL_CONSUMER: _ClassVar[GroupProtocol]

class IsolationLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ISOLATION_LEVEL_UNSPECIFIED: _ClassVar[IsolationLevel]
    ISOLATION_LEVEL_READ_COMMITTED: _ClassVar[IsolationLevel]
    ISOLATION_LEVEL_READ_UNCOMMITTED: _ClassVar[IsolationLevel]
RESET_POLICY_UNSPECIFIED: ResetPolicy
RESET_POLICY_EARLIEST: ResetPolicy
RESET_POLICY_LATEST: ResetPolicy
RESET_POLICY_NONE: ResetPolicy
GROUP_PROTOCOL_UNSPECIFIED: GroupProtocol
GROUP_PROTOCOL_CLASSIC_COOPERATIVE: GroupProtocol
GROUP_PROTOCOL_CLASSIC_EAGER: GroupProtocol
GROUP_PROTOCOL_CONSUMER: GroupProtocol
ISOLATION_LEVEL_UNSPECIFIED: IsolationLevel
ISOLATION_LEVEL_READ_COMMITTED: IsolationLevel
ISOLATION_LEVEL_READ_UNCOMMITTED: IsolationLevel

class ConsumeRequest(_message.Message):
    __slots__ = ("subscribe", "credit", "release", "reject")
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    REJECT_FIELD_NUMBER: _ClassVar[int]
    subscribe: Subscribe
    credit: Credit
    release: Release
    reject: Reject
    def __init__(self, subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., release: _Optional[_Union[Release, _Mapping]] = ..., reject: _Optional[_Union[Reject, _Mapping]] = ...) -> None: ...

class ConsumeResponse(_message.Message):
    __slots__ = ("session_started", "assigned", "revoked", "delivery", "idle", "refused")
    SESSION_STARTED_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    session_started: SessionStarted
    assigned: Assigned
    revoked: Revoked
    delivery: Delivery
    idle: Idle
    refused: Refused
    def __init__(self, session_started: _Optional[_Union[SessionStarted, _Mapping]] = ..., assigned: _Optional[_Union[Assigned, _Mapping]] = ..., revoked: _Optional[_Union[Revoked, _Mapping]] = ..., delivery: _Optional[_Union[Delivery, _Mapping]] = ..., idle: _Optional[_Union[Idle, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("group_id", "topics", "topic_pattern", "group_instance_id", "limits", "reset_policy", "group_protocol", "isolation_level", "retry_policy", "delivery_timeout", "session_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_PATTERN_FIELD_NUMBER: _ClassVar[int]
    GROUP_INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    RESET_POLICY_FIELD_NUMBER: _ClassVar[int]
    GROUP_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_LEVEL_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    topics: _containers.RepeatedScalarFieldContainer[str]
    topic_pattern: str
    group_instance_id: str
    limits: DeliveryLimits
    reset_policy: ResetPolicy
    group_protocol: GroupProtocol
    isolation_level: IsolationLevel
    retry_policy: RetryPolicy
    delivery_timeout: _duration_pb2.Duration
    session_id: str
    def __init__(self, group_id: _Optional[str] = ..., topics: _Optional[_Iterable[str]] = ..., topic_pattern: _Optional[str] = ..., group_instance_id: _Optional[str] = ..., limits: _Optional[_Union[DeliveryLimits, _Mapping]] = ..., reset_policy: _Optional[_Union[ResetPolicy, str]] = ..., group_protocol: _Optional[_Union[GroupProtocol, str]] = ..., isolation_level: _Optional[_Union[IsolationLevel, str]] = ..., retry_policy: _Optional[_Union[RetryPolicy, _Mapping]] = ..., delivery_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., session_id: _Optional[str] = ...) -> None: ...

class DeliveryLimits(_message.Message):
    __slots__ = ("max_records", "max_delivery_bytes", "max_message_bytes")
    MAX_RECORDS_FIELD_NUMBER: _ClassVar[int]
    MAX_DELIVERY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_records: int
    max_delivery_bytes: int
    max_message_bytes: int
    def __init__(self, max_records: _Optional[int] = ..., max_delivery_bytes: _Optional[int] = ..., max_message_bytes: _Optional[int] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("max_attempts", "backoff", "backoff_max", "retry_topics", "dead_letter_topic")
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MAX_FIELD_NUMBER: _ClassVar[int]
    RETRY_TOPICS_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTER_TOPIC_FIELD_NUMBER: _ClassVar[int]
    max_attempts: int
    backoff: _duration_pb2.Duration
    backoff_max: _duration_pb2.Duration
    retry_topics: _containers.RepeatedCompositeFieldContainer[RetryTopic]
    dead_letter_topic: str
    def __init__(self, max_attempts: _Optional[int] = ..., backoff: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., backoff_max: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry_topics: _Optional[_Iterable[_Union[RetryTopic, _Mapping]]] = ..., dead_letter_topic: _Optional[str] = ...) -> None: ...

class RetryTopic(_message.Message):
    __slots__ = ("topic", "delay")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    topic: str
    delay: _duration_pb2.Duration
    def __init__(self, topic: _Optional[str] = ..., delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("deliveries",)
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    deliveries: int
    def __init__(self, deliveries: _Optional[int] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("delivery_id",)
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    def __init__(self, delivery_id: _Optional[str] = ...) -> None: ...

class Reject(_message.Message):
    __slots__ = ("delivery_id", "index", "reason")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    index: int
    reason: str
    def __init__(self, delivery_id: _Optional[str] = ..., index: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class SessionStarted(_message.Message):
    __slots__ = ("session_id", "resumed")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    resumed: bool
    def __init__(self, session_id: _Optional[str] = ..., resumed: bool = ...) -> None: ...

class Assigned(_message.Message):
    __slots__ = ("partitions",)
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    partitions: _containers.RepeatedCompositeFieldContainer[TopicPartition]
    def __init__(self, partitions: _Optional[_Iterable[_Union[TopicPartition, _Mapping]]] = ...) -> None: ...

class Revoked(_message.Message):
    __slots__ = ("partitions", "delivery_ids", "lost")
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    partitions: _containers.RepeatedCompositeFieldContainer[TopicPartition]
    delivery_ids: _containers.RepeatedScalarFieldContainer[str]
    lost: bool
    def __init__(self, partitions: _Optional[_Iterable[_Union[TopicPartition, _Mapping]]] = ..., delivery_ids: _Optional[_Iterable[str]] = ..., lost: bool = ...) -> None: ...

class TopicPartition(_message.Message):
    __slots__ = ("topic", "partition")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("delivery_id", "topic", "partition", "records")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    topic: str
    partition: int
    records: _containers.RepeatedCompositeFieldContainer[ConsumedRecord]
    def __init__(self, delivery_id: _Optional[str] = ..., topic: _Optional[str] = ..., partition: _Optional[int] = ..., records: _Optional[_Iterable[_Union[ConsumedRecord, _Mapping]]] = ...) -> None: ...

class ConsumedRecord(_message.Message):
    __slots__ = ("offset", "timestamp_ms", "key", "value", "headers", "attempt", "idempotency_key")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes
    headers: _containers.RepeatedCompositeFieldContainer[_types_pb2.Header]
    attempt: int
    idempotency_key: str
    def __init__(self, offset: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., key: _Optional[bytes] = ..., value: _Optional[bytes] = ..., headers: _Optional[_Iterable[_Union[_types_pb2.Header, _Mapping]]] = ..., attempt: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class Idle(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Refused(_message.Message):
    __slots__ = ("delivery_id", "detail", "message")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    detail: _error_pb2.ErrorDetail
    message: str
    def __init__(self, delivery_id: _Optional[str] = ..., detail: _Optional[_Union[_error_pb2.ErrorDetail, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...
