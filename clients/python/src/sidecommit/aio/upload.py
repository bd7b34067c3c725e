"""A transaction's records on their stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc

from .._core import classify, tracing
from .._core.flow import PRODUCE, exceeded
from .._core.outbox import Outbox
from .._core.retry import Deadline
from ..errors import SidecommitError
from .channel import Channel


class Upload:
    """Sends an outbox until all of it is acknowledged."""

    def __init__(self, channel: Channel, outbox: Outbox) -> None:
        self._channel = channel
        self._outbox = outbox
        self._changed = asyncio.Event()
        self._metadata: tracing.Metadata | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._closed = False
        # Which stream: the messages of an older one end.
        self._number = 0

    def start(self) -> None:
        """Sends what is there and what comes."""
        self._notify()
        if self._task is None and not self._closed:
            self._metadata = tracing.metadata()
            self._task = asyncio.create_task(self._run(), name="sidecommit-produce")

    async def wait_for_room(self, deadline: Callable[[], Deadline]) -> None:
        """While the window is full; if it is not, the stream gets its turn."""
        if self._outbox.full:
            await self._wait(lambda: not self._outbox.full, deadline())
        else:
            await asyncio.sleep(0)

    async def flush(self, deadline: Deadline, next_sequence: int | None, last: bool) -> None:
        """Until all is acknowledged; then the stream ends, if that was the last of it."""
        if next_sequence is not None:
            self._outbox.rewind(next_sequence)
        self._outbox.complete()
        if self._outbox.settled:
            return
        self._ending = last
        self.start()
        await self._wait(lambda: self._outbox.settled, deadline)

    def close(self) -> None:
        """Nothing more is sent."""
        self._closed = True
        self._notify()
        if self._task is not None:
            self._task.cancel()

    async def _wait(self, enough: Callable[[], bool], deadline: Deadline) -> None:
        while not enough():
            if self._outbox.failure is not None:
                raise self._outbox.failure
            if self._closed:
                raise RuntimeError("the transaction is over")
            try:
                await asyncio.wait_for(self._changed.wait(), deadline.remaining())
            except asyncio.TimeoutError as over:
                raise exceeded(PRODUCE.name, deadline, self._outbox.last_error, self._outbox.transaction_id) from over

    def _notify(self) -> None:
        """Wakes those who wait now; who waits later waits for the next time."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self) -> None:
        pause: float | None = 0.0
        while pause is not None:
            await asyncio.sleep(pause)
            self._outbox.rewind()
            self._number += 1
            try:
                error = await self._stream()
            except RuntimeError:
                # The client is closed; who waits is told.
                self._closed = True
                self._notify()
                return
            pause = self._outbox.ended(error)
            if pause is None:
                self._task = None
                self._number += 1
            self._notify()

    async def _stream(self) -> SidecommitError | None:
        """Until it ends; the error by which it did."""
        call = self._channel.produce(self._messages(self._number), self._metadata)
        try:
            async for ack in call:
                self._outbox.acknowledge(ack.next_sequence)
                self._notify()
        except grpc.RpcError as failed:
            return classify.of_call(failed, decides=False)
        finally:
            call.cancel()
        return None

    async def _messages(self, number: int) -> AsyncIterator[bytes]:
        while self._number == number and not self._closed:
            batch = self._outbox.next_batch()
            if batch is not None:
                yield batch
            elif self._ending and self._outbox.failure is None:
                return
            else:
                await self._changed.wait()
