"""A transaction's records on their stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import grpc

from .._core import classify, tracing
from .._core.flow import PRODUCE, exceeded
from .._core.outbox import Outbox
from .._core.retry import Deadline
from ..errors import SidecommitError
from .channel import Channel, ProduceStream


class Upload:
    """Sends an outbox until all of it is acknowledged. gRPC takes messages in one thread, acks come in another."""

    def __init__(self, channel: Channel, outbox: Outbox) -> None:
        self.lock = threading.Lock()
        """Guards the outbox, too."""
        self._changed = threading.Condition(self.lock)
        self._channel = channel
        self._outbox = outbox
        self._metadata: tracing.Metadata | None = None
        self._running = False
        self._ending = False
        self._closed = False
        self._call: ProduceStream | None = None
        # Which stream: the messages of an older one end.
        self._number = 0

    def start(self) -> None:
        """Sends what is there and what comes. With the lock held."""
        self._changed.notify_all()
        if not self._running and not self._closed:
            self._running = True
            self._metadata = tracing.metadata()
            threading.Thread(target=self._run, name="sidecommit-produce", daemon=True).start()

    def wait_for_room(self, deadline: Callable[[], Deadline]) -> None:
        """While the window is full. With the lock held."""
        if self._outbox.full:
            self._wait(lambda: not self._outbox.full, deadline())

    def flush(self, deadline: Deadline, next_sequence: int | None, last: bool) -> None:
        """Until all is acknowledged; then the stream ends, if that was the last of it."""
        with self.lock:
            if next_sequence is not None:
                self._outbox.rewind(next_sequence)
            self._outbox.complete()
            if self._outbox.settled:
                return
            self._ending = last
            self.start()
            self._wait(lambda: self._outbox.settled, deadline)

    def close(self) -> None:
        """Nothing more is sent."""
        with self.lock:
            self._closed = True
            call, self._call = self._call, None
            self._changed.notify_all()
        if call is not None:
            call.cancel()

    def _wait(self, enough: Callable[[], bool], deadline: Deadline) -> None:
        while not enough():
            if self._outbox.failure is not None:
                raise self._outbox.failure
            if self._closed:
                raise RuntimeError("the transaction is over")
            if not self._changed.wait(deadline.remaining()):
                raise exceeded(PRODUCE.name, deadline, self._outbox.last_error, self._outbox.transaction_id)

    def _run(self) -> None:
        while self._once():
            pass

    def _once(self) -> bool:
        """One stream. Returns whether there is to be another one."""
        with self.lock:
            if self._closed:
                return False
            self._outbox.rewind()
            self._number += 1
            try:
                call = self._call = self._channel.produce(self._messages(self._number), self._metadata)
            except RuntimeError:
                # The client is closed; who waits is told.
                self._closed = True
                self._changed.notify_all()
                return False
        error: SidecommitError | None = None
        try:
            for ack in call:
                with self.lock:
                    self._outbox.acknowledge(ack.next_sequence)
                    self._changed.notify_all()
        except grpc.RpcError as failed:
            error = classify.of_call(failed, decides=False)
        with self.lock:
            pause = None if self._closed else self._outbox.ended(error)
            if pause is None:
                self._running = False
                self._number += 1
            self._changed.notify_all()
            if pause:
                self._changed.wait_for(lambda: self._closed, pause)
            return pause is not None

    def _messages(self, number: int) -> Iterator[bytes]:
        while (batch := self._next(number)) is not None:
            yield batch

    def _next(self, number: int) -> bytes | None:
        with self.lock:
            while self._number == number and not self._closed:
                batch = self._outbox.next_batch()
                if batch is not None or (self._ending and self._outbox.failure is None):
                    return batch
                self._changed.wait()
        return None
