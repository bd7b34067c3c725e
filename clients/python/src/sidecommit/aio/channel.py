"""gRPC, called from tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

import grpc
import grpc.aio

from .._core import address, classify, tracing, wire
from .._core.flow import RPCS, Call, Effect, Flow, Pause, T
from ..errors import SidecommitError
from ..v1 import consume_pb2, consume_pb2_grpc, transaction_pb2, transaction_pb2_grpc


class ProduceStream(Protocol):
    """A stream of records."""

    def __aiter__(self) -> AsyncIterator[transaction_pb2.ProduceStreamResponse]:
        """Its acks."""

    def cancel(self) -> object:
        """Ends it."""


class ConsumeStream(Protocol):
    """A member of a group."""

    def __aiter__(self) -> AsyncIterator[consume_pb2.ConsumeResponse]:
        """What the sidecar says."""

    def cancel(self) -> object:
        """Ends it."""


class Performer(Protocol):
    """Does effects."""

    async def do(self, effect: Effect) -> Any:
        """What comes of it."""


class Channel:
    """The calls of a sidecar."""

    def __init__(self, address_given: str | None) -> None:
        target = address.target(address_given)
        self.grpc = grpc.aio.insecure_channel(target.name, options=target.options)
        self.closed = False
        transactions = transaction_pb2_grpc.TransactionServiceStub(self.grpc)
        self._unary = {rpc: getattr(transactions, rpc.name) for rpc in RPCS}
        self._produce = wire.produce_stream(self.grpc)
        self._consume = consume_pb2_grpc.ConsumeServiceStub(self.grpc).Consume

    async def close(self) -> None:
        """Ends what is going on."""
        self.closed = True
        await self.grpc.close()

    def produce(self, messages: AsyncIterator[bytes], metadata: tracing.Metadata | None) -> ProduceStream:
        """Opens a stream of records; RuntimeError once the client is closed."""
        self.check()
        call: ProduceStream = self._produce(messages, metadata=metadata, wait_for_ready=True)
        return call

    def consume(self, messages: AsyncIterator[consume_pb2.ConsumeRequest]) -> ConsumeStream:
        """Opens a stream of deliveries; RuntimeError once the client is closed."""
        self.check()
        call: ConsumeStream = self._consume(messages, wait_for_ready=True)
        return call

    async def perform(self, flow: Flow[T], does: Performer | None = None) -> T:
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
                came_of_it = await does.do(effect)
            except SidecommitError as error:
                raised = error

    async def do(self, effect: Effect) -> Any:
        """A call or a pause."""
        self.check()
        if isinstance(effect, Pause):
            await asyncio.sleep(effect.seconds)
            return None
        if not isinstance(effect, Call):
            raise TypeError(f"nobody does a {type(effect).__name__}")
        try:
            return await self._unary[effect.rpc](
                effect.request, timeout=effect.timeout, metadata=tracing.metadata(), wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise classify.of_call(error, effect.rpc.decides) from error
        except asyncio.CancelledError:
            # close() cancels calls, and with them who waits for them.
            self.check()
            raise

    def check(self) -> None:
        """Raises RuntimeError once it is closed."""
        if self.closed:
            raise RuntimeError("the client is closed")
