"""Reads, handles and writes, until it is stopped: the loop around a Session."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from .._core import classify, convert, tracing
from .._core.flow import Effect
from .._core.session import Action, Failed, Open, Outcome, Say, Session, Work
from .._core.work import Handle, Options, Returned, Threw, WriteScope, work
from .._signals import stopping
from ..errors import SidecommitError
from ..records import ConsumedRecord
from ..v1 import consume_pb2
from .channel import Channel

if TYPE_CHECKING:
    from .client import Client

Handler = Callable[[ConsumedRecord], Awaitable[Returned]]
"""Gets a record and returns those to write: one, many, or None."""
BatchHandler = Callable[[list[ConsumedRecord]], Awaitable[Returned]]
"""As Handler, for all records of a delivery."""

# How long the sidecar may take to end a stream that was hung up.
HANG_UP_SECONDS = 2.0


class _Stream:
    """A Consume stream; `None` is the last that is said on it."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[consume_pb2.ConsumeRequest | None] = asyncio.Queue()
        self.connected = False
        self.reader: asyncio.Task[None] | None = None

    async def messages(self) -> AsyncIterator[consume_pb2.ConsumeRequest]:
        while (request := await self.said.get()) is not None:
            yield request


class Processor:
    """What `Client.process` runs. Made by `Client.processor`, so that there is something to `stop`."""

    def __init__(
        self,
        client: Client,
        channel: Channel,
        session: Session,
        options: Options,
        handler: Callable[[Any], Any],
    ) -> None:
        self._client = client
        self._channel = channel
        self._session = session
        self._options = options
        self._handler = handler
        # What happened, in order: the loop does all that follows from it.
        self._events: asyncio.Queue[Callable[[], list[Action]]] = asyncio.Queue()
        self._stream = _Stream()
        self._workers: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Takes no new deliveries, and lets those end that are being worked on."""
        self._events.put_nowait(self._session.stop)

    async def run(self, handle_signals: bool = True) -> int:
        """Processes until it is stopped. Once.

        Args:
            handle_signals: Whether SIGTERM and SIGINT stop it, if this is the main thread. A second one is not caught.

        Returns:
            How many records were settled.

        Raises:
            SidecommitError: Nobody can go on: STOP, or a FIX_REQUEST that is no single record's fault.
        """
        loop = asyncio.get_running_loop()
        with stopping(lambda: loop.call_soon_threadsafe(self.stop), handle_signals):
            try:
                self._do(self._session.start())
                while not self._session.over:
                    self._do((await self._events.get())())
            finally:
                # There are some only if this task was cancelled.
                for worker in self._workers:
                    worker.cancel()
                await self._hang_up()
        if self._session.error is not None:
            raise self._session.error
        return self._session.settled

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Open):
                self._stream.said.put_nowait(None)
                stream = self._stream = _Stream()
                stream.said.put_nowait(consume_pb2.ConsumeRequest(subscribe=action.subscribe))
                stream.reader = asyncio.create_task(self._read(stream, action.after), name="sidecommit-consume")
            elif isinstance(action, Say):
                self._stream.said.put_nowait(action.request)
            elif isinstance(action, Work):
                worker = asyncio.create_task(self._work(action.delivery), name="sidecommit-process")
                self._workers.add(worker)
                worker.add_done_callback(self._workers.discard)

    async def _read(self, stream: _Stream, after: float) -> None:
        await asyncio.sleep(after)
        error: SidecommitError | None = None
        try:
            call = self._channel.consume(stream.messages())
            try:
                async for said in call:
                    stream.connected = True
                    self._happened(stream, partial(self._session.told, said))
            finally:
                call.cancel()
        except grpc.RpcError as failed:
            error = classify.of_call(failed, decides=False)
        except RuntimeError as closed:
            self._events.put_nowait(partial(self._session.fail, closed))
            return
        self._happened(stream, partial(self._session.broke, error))

    def _happened(self, stream: _Stream, event: Callable[[], list[Action]]) -> None:
        # What an older stream still says is of no interest.
        self._events.put_nowait(lambda: event() if stream is self._stream else [])

    async def _work(self, delivery: consume_pb2.Delivery) -> None:
        outcome: Outcome
        try:
            # Not in the trace of whoever runs it: a delivery has many.
            with tracing.current(()):
                outcome = await self._channel.perform(work(delivery, self._options), self)
        except BaseException as error:
            # Not the handler's Exception, which is a record's failure: it goes on in run().
            outcome = Failed(error)
        self._events.put_nowait(partial(self._session.finished, delivery.delivery_id, outcome))

    async def do(self, effect: Effect) -> Any:
        """Effects of the work on a delivery."""
        if isinstance(effect, Handle):
            try:
                with tracing.current(effect.headers):
                    returned = self._handler(effect.argument)
                    # Plain functions will do.
                    return await returned if inspect.isawaitable(returned) else returned
            except Exception as error:
                return Threw(error)
        if isinstance(effect, WriteScope):
            async with self._client.transaction(request_id=effect.delivery_id) as transaction:
                for record in effect.records:
                    await transaction.produce(**convert.fields(record))
                await transaction.flush()
                await transaction.settle(effect.delivery_id)
            return None
        return await self._channel.do(effect)

    async def _hang_up(self) -> None:
        reader = self._stream.reader
        self._stream.said.put_nowait(None)
        if reader is not None:
            if self._stream.connected:
                await asyncio.wait({reader}, timeout=HANG_UP_SECONDS)
            reader.cancel()
