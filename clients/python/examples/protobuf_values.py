"""Protobuf values in the wire format of Confluent-compatible schema registries. Usage: protobuf_values.py TOPIC

The message is google.protobuf.Duration, so that nothing has to be generated; yours comes from your own .proto.
"""

import struct
import sys
from collections.abc import Callable
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

import sidecommit

# A zero byte and the schema's id, big-endian.
FRAME = struct.Struct(">bI")
# Which message of the schema: the first one, which has this short form. Others: their path, as zigzag varints.
FIRST_MESSAGE = b"\0"


class Registry(Protocol):
    """What is needed of a registry; an HTTP client asks POST /subjects/{subject}/versions, and keeps the answers."""

    def id_of(self, message: type[Message]) -> int:
        """The id under which the message's schema is registered."""

    def message_of(self, schema_id: int) -> type[Message]:
        """The message that the id stands for."""


class Stub:
    """A registry without a server."""

    def __init__(self, *messages: type[Message]) -> None:
        self._messages = dict(enumerate(messages, start=1))

    def id_of(self, message: type[Message]) -> int:
        return next(id for id, known in self._messages.items() if known is message)

    def message_of(self, schema_id: int) -> type[Message]:
        return self._messages[schema_id]


def serializer(registry: Registry) -> Callable[[Message], bytes]:
    """For connect(serializer=...)."""

    def to_bytes(message: Message) -> bytes:
        return FRAME.pack(0, registry.id_of(type(message))) + FIRST_MESSAGE + message.SerializeToString()

    return to_bytes


def deserializer(registry: Registry) -> Callable[[bytes], Message]:
    """For record.decode(...)."""

    def from_bytes(value: bytes) -> Message:
        magic, schema_id = FRAME.unpack_from(value)
        if magic != 0 or value[FRAME.size : FRAME.size + 1] != FIRST_MESSAGE:
            # In a handler this is the record's failure, and no other attempt helps.
            raise sidecommit.Reject("not in the registry's wire format")
        return registry.message_of(schema_id).FromString(value[FRAME.size + 1 :])

    return from_bytes


def main() -> None:
    topic = sys.argv[1]
    registry = Stub(Duration)
    decode = deserializer(registry)
    with sidecommit.connect(serializer=serializer(registry)) as client:
        done = client.transact([sidecommit.Record(topic, Duration(seconds=90))], f"protobuf-{topic}")
        print(f"committed {done.record_count} record")

        def show(record: sidecommit.ConsumedRecord) -> None:
            print(f"read {record.decode(decode)}", end="", flush=True)
            reading.stop()

        reading = client.processor(f"protobuf-{topic}", topic, show)
        print(f"settled {reading.run()} record")


if __name__ == "__main__":
    main()
