"""Reads, handles and writes, until it is stopped: the loop around a Session."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
from .channel import Channel, ConsumeStream

if TYPE_CHECKING:
    from .client import Client

Handler = Callable[[ConsumedRecord], Returned]
"""Gets a record and returns those to write: one, many, or None."""
BatchHandler = Callable[[list[ConsumedRecord]], Returned]
"""As Handler, for all records of a delivery."""

# How long the sidecar may take to end a stream that was hung up.
HANG_UP_SECONDS = 2.0


class _Stream:
    """A Consume stream; `None` is the last that is said on it."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[consume_pb2.ConsumeRequest | None] = queue.SimpleQueue()
        self.call: ConsumeStream | None = None
        self.reader: threading.Thread | None = None


class Processor:
    """What `Client.process` runs. Made by `Client.processor`, so that there is something to `stop`."""

    def __init__(
        self,
        client: Client,
        channel: Channel,
        session: Session,
        options: Options,
        handler: Callable[[Any], Returned],
        concurrency: int,
    ) -> None:
        self._client = client
        self._channel = channel
        self._session = session
        self._options = options
        self._handler = handler
        self._concurrency = concurrency
        # What happened, in order: the loop does all that follows from it.
        self._events: queue.SimpleQueue[Callable[[], list[Action]]] = queue.SimpleQueue()
        self._stream = _Stream()
        self._ended = threading.Event()

    def stop(self) -> None:
        """Takes no new deliveries, and lets those end that are being worked on. Any thread or signal handler may call it."""
        self._events.put(self._session.stop)

    def run(self, handle_signals: bool = True) -> int:
        """Processes until it is stopped. Once.

        Args:
            handle_signals: Whether SIGTERM and SIGINT stop it, if this is the main thread. A second one is not caught.

        Returns:
            How many records were settled.

        Raises:
            SidecommitError: Nobody can go on: STOP, or a FIX_REQUEST that is no single record's fault.
        """
        with stopping(self.stop, handle_signals), ThreadPoolExecutor(self._concurrency, "sidecommit-process") as workers:
            try:
                self._do(self._session.start(), workers)
                while not self._session.over:
                    self._do(self._events.get()(), workers)
            finally:
                self._ended.set()
                self._hang_up()
        if self._session.error is not None:
            raise self._session.error
        return self._session.settled

    def _do(self, actions: list[Action], workers: ThreadPoolExecutor) -> None:
        for action in actions:
            if isinstance(action, Open):
                self._stream.said.put(None)
                stream = self._stream = _Stream()
                stream.said.put(consume_pb2.ConsumeRequest(subscribe=action.subscribe))
                stream.reader = threading.Thread(
                    target=self._read, args=(stream, action.after), name="sidecommit-consume", daemon=True
                )
                stream.reader.start()
            elif isinstance(action, Say):
                self._stream.said.put(action.request)
            elif isinstance(action, Work):
                workers.submit(self._work, action.delivery)

    def _read(self, stream: _Stream, after: float) -> None:
        if self._ended.wait(after):
            return
        error: SidecommitError | None = None
        try:
            stream.call = self._channel.consume(iter(stream.said.get, None))
            for said in stream.call:
                self._happened(stream, partial(self._session.told, said))
        except grpc.RpcError as failed:
            error = classify.of_call(failed, decides=False)
        except RuntimeError as closed:
            self._events.put(partial(self._session.fail, closed))
            return
        self._happened(stream, partial(self._session.broke, error))

    def _happened(self, stream: _Stream, event: Callable[[], list[Action]]) -> None:
        # What an older stream still says is of no interest.
        self._events.put(lambda: event() if stream is self._stream else [])

    def _work(self, delivery: consume_pb2.Delivery) -> None:
        outcome: Outcome
        try:
            outcome = self._channel.perform(work(delivery, self._options), self)
        except BaseException as error:
            # Not the handler's Exception, which is a record's failure: it goes on in run().
            outcome = Failed(error)
        self._events.put(partial(self._session.finished, delivery.delivery_id, outcome))

    def do(self, effect: Effect) -> Any:
        """Effects of the work on a delivery."""
        if isinstance(effect, Handle):
            try:
                with tracing.current(effect.headers):
                    return self._handler(effect.argument)
            except Exception as error:
                return Threw(error)
        if isinstance(effect, WriteScope):
            with self._client.transaction(request_id=effect.delivery_id) as transaction:
                for record in effect.records:
                    transaction.produce(**convert.fields(record))
                transaction.flush()
                transaction.settle(effect.delivery_id)
            return None
        return self._channel.do(effect)

    def _hang_up(self) -> None:
        stream = self._stream
        stream.said.put(None)
        if stream.reader is not None:
            stream.reader.join(HANG_UP_SECONDS if stream.call is not None else 0)
            if stream.call is not None:
                stream.call.cancel()
