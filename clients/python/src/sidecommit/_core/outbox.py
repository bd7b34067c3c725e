"""The records of a transaction on their way: numbered, batched, kept until they are acknowledged."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..errors import NextAction, SidecommitError
from ..records import Headers
from ..v1 import transaction_pb2, types_pb2
from ..values import Serializer
from . import wire
from .convert import RECORD_BYTES, record_bytes, serialized
from .convert import headers as headers_of
from .flow import FINAL
from .retry import Backoff

BATCH_RECORDS = 500
BATCH_BYTES = 256 << 10
WINDOW_RECORDS = 5000
WINDOW_BYTES = 4 << 20


@dataclass
class Batch:
    """One message."""

    sequence: int
    end: int
    """The index after its last record."""
    size: int
    request: bytes
    """A ProduceStreamRequest."""


class Outbox:
    """Not thread-safe: whoever shares it has a lock."""

    def __init__(self, serializer: Serializer | None) -> None:
        self.transaction_id = ""
        self.queued = 0
        """Records that were added: the index of the next one."""
        self.acknowledged = 0
        """Records that the sidecar has."""
        self.failure: SidecommitError | None = None
        """Why nothing more can be sent."""
        self.last_error: SidecommitError | None = None
        """Why a stream ended last."""
        self._serializer = serializer
        self._backoff = Backoff()
        self._batches: deque[Batch] = deque()
        # How many of the batches are on the stream.
        self._sent = 0
        self._bytes = 0
        self._start_filling()

    def _start_filling(self) -> None:
        self._filling: list[bytes] = []
        self._filling_count = 0
        self._filling_bytes = 0

    def add(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        headers: Headers | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> bool:
        """Queues a record. Returns whether that made a batch complete, so that there is something to send.

        Raises:
            SidecommitError: What the sidecar refused before.
            TypeError, ValueError: It is no record; nothing was added.
        """
        if self.failure is not None:
            raise self.failure
        # This runs for each record: bytes go by without a call.
        if type(value) is not bytes:
            value = serialized(value, self._serializer)
        if type(key) is not bytes:
            key = serialized(key, self._serializer)
        size = RECORD_BYTES + len(value or b"") + len(key or b"")
        packed = headers_of(headers) if headers else None
        if packed:
            size += sum(len(header.name) + len(header.value) for header in packed)
        if packed or partition is not None or timestamp_ms is not None:
            parts = wire.whole(
                types_pb2.Record(
                    topic=topic, value=value, key=key, headers=packed, partition=partition, timestamp_ms=timestamp_ms
                )
            )
        else:
            parts = wire.plain(topic, value, key)
        ready = False
        if self._filling_bytes + size > BATCH_BYTES and self._filling_count:
            self.complete()
            ready = True
        self._filling += parts
        self.queued += 1
        self._bytes += size
        self._filling_count += 1
        self._filling_bytes += size
        if self._filling_count >= BATCH_RECORDS:
            self.complete()
            ready = True
        return ready

    def complete(self) -> None:
        """What is queued is a batch, however small."""
        if self._filling_count:
            sequence = self.queued - self._filling_count
            request = wire.request(self.transaction_id, sequence, self._filling)
            self._batches.append(Batch(sequence, self.queued, self._filling_bytes, request))
            self._start_filling()

    @property
    def full(self) -> bool:
        """Whether the window is, so that producers wait."""
        return self.queued - self.acknowledged >= WINDOW_RECORDS or self._bytes >= WINDOW_BYTES

    @property
    def settled(self) -> bool:
        """Whether all that was added is acknowledged."""
        return self.acknowledged >= self.queued

    def next_batch(self) -> bytes | None:
        """The request that goes onto the stream next; None: nothing for now."""
        if self._sent == len(self._batches) or self.failure is not None:
            return None
        batch = self._batches[self._sent]
        self._sent += 1
        return batch.request

    def only_batch(self) -> transaction_pb2.ProduceRequest | None:
        """All that there is, if it is one batch that was not sent yet: no stream is worth it."""
        if len(self._batches) != 1 or self._sent or self._filling_count:
            return None
        # The same fields, in another message.
        return transaction_pb2.ProduceRequest.FromString(self._batches[0].request)

    def acknowledge(self, next_sequence: int) -> None:
        """The sidecar has all before this index."""
        if next_sequence > self.acknowledged:
            self.acknowledged = next_sequence
            self._backoff.reset()
        while self._batches and self._batches[0].end <= next_sequence:
            self._bytes -= self._batches.popleft().size
            self._sent = max(self._sent - 1, 0)

    def rewind(self, next_sequence: int | None = None) -> None:
        """Another stream is opened: what is not acknowledged is sent again, from there on if the sidecar said so."""
        self._sent = 0
        if next_sequence is None:
            return
        self.acknowledge(next_sequence)
        if self._batches and self._batches[0].sequence < next_sequence:
            self._batches[0] = self._cut(self._batches[0], next_sequence)

    def _cut(self, batch: Batch, next_sequence: int) -> Batch:
        request = transaction_pb2.ProduceStreamRequest.FromString(batch.request)
        known = next_sequence - batch.sequence
        cut = sum(record_bytes(record) for record in request.records[:known])
        del request.records[:known]
        request.sequence = next_sequence
        self._bytes -= cut
        return Batch(next_sequence, batch.end, batch.size - cut, request.SerializeToString())

    def ended(self, error: SidecommitError | None) -> float | None:
        """The stream ended, without an error by itself. Seconds until another one is opened; None: no other one."""
        if error is None:
            if self.settled:
                return None
            error = SidecommitError("the stream ended early", next_action=NextAction.RETRY_SAME)
        error.transaction_id = error.transaction_id or self.transaction_id
        self.last_error = error
        if error.next_action in FINAL:
            self.failure = error
            return None
        pause = self._backoff.pause(error.retry_after)
        self.rewind(error.next_sequence)
        return pause
