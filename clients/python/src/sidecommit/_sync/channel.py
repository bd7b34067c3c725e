"""gRPC, called from threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import grpc

from .._core import address, classify, tracing, wire
from .._core.flow import RPCS, Call, Effect, Flow, Pause, T
from ..errors import SidecommitError
from ..v1 import consume_pb2, consume_pb2_grpc, transaction_pb2, transaction_pb2_grpc


class Stream(Protocol):
    """A call that is a stream."""

    def cancel(self) -> object:
        """Ends it."""


class ProduceStream(Stream, Protocol):
    """A stream of records."""

    def __iter__(self) -> Iterator[transaction_pb2.ProduceStreamResponse]:
        """Its acks."""


class ConsumeStream(Stream, Protocol):
    """A member of a group."""

    def __iter__(self) -> Iterator[consume_pb2.ConsumeResponse]:
        """What the sidecar says."""


class Channel:
    """The calls of a sidecar."""

    def __init__(self, address_given: str | None) -> None:
        target = address.target(address_given)
        self.grpc = grpc.insecure_channel(target.name, options=target.options)
        self._closed = threading.Event()
        transactions = transaction_pb2_grpc.TransactionServiceStub(self.grpc)
        self._unary = {rpc: getattr(transactions, rpc.name) for rpc in RPCS}
        self._produce = wire.produce_stream(self.grpc)
        self._consume = consume_pb2_grpc.ConsumeServiceStub(self.grpc).Consume

    def close(self) -> None:
        """Ends what is going on."""
        self._closed.set()
        self.grpc.close()

    def produce(self, messages: Iterable[bytes], metadata: tracing.Metadata | None) -> ProduceStream:
        """Opens a stream of records; RuntimeError once the client is closed."""
        call: ProduceStream = self._open(self._produce, iter(messages), metadata=metadata, wait_for_ready=True)
        return call

    def consume(self, messages: Iterator[consume_pb2.ConsumeRequest]) -> ConsumeStream:
        """Opens a stream of deliveries; RuntimeError once the client is closed."""
        call: ConsumeStream = self._open(self._consume, messages, wait_for_ready=True)
        return call

    def _open(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if not self._closed.is_set():
            try:
                return method(*args, **options)
            except ValueError:
                # So gRPC says that the channel is closed.
                if not self._closed.is_set():
                    raise
        raise RuntimeError("the client is closed")

    def perform(self, flow: Flow[T], does: Performer | None = None) -> T:
        """Does what a flow asks for, and returns what it comes to."""
        does = does or self
        came_of_it: Any = None
        raised: SidecommitError | None = None
        while True:
            try:
                effect = flow.send(came_of_it) if raised is None else flow.throw(raised)
            except StopIteration as done:
                result: T = done.value
                return result
            came_of_it = raised = None
            try:
                came_of_it = does.do(effect)
            except SidecommitError as error:
                raised = error

    def do(self, effect: Effect) -> Any:
        """A call or a pause."""
        if isinstance(effect, Pause):
            self._closed.wait(effect.seconds)
            return None
        if not isinstance(effect, Call):
            raise TypeError(f"nobody does a {type(effect).__name__}")
        try:
            method, metadata = self._unary[effect.rpc], tracing.metadata()
            return self._open(method, effect.request, timeout=effect.timeout, metadata=metadata, wait_for_ready=True)
        except grpc.RpcError as error:
            raise classify.of_call(error, effect.rpc.decides) from error


class Performer(Protocol):
    """Does effects."""

    def do(self, effect: Effect) -> Any:
        """What comes of it."""
