"""The client."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import grpc.aio

from .._core import calls, convert
from .._core.calls import OnRetry
from .._core.flow import Pause
from .._core.retry import Backoff, Deadline
from .._core.scope import Scope, aborted_by_the_work
from .._core.session import Session
from .._core.subscription import Subscription, subscribe
from .._core.work import Options
from ..errors import Aborted
from ..records import GroupOffsets, Record
from ..results import Committed, Outcome, ServerInfo
from ..v1 import consume_pb2
from ..values import Serializer
from .channel import Channel
from .keeper import Keeper
from .processor import BatchHandler, Handler, Processor
from .transaction import Transaction

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


def connect(address: str | None = None, *, deadline: float = 60.0, serializer: Serializer | None = None) -> Client:
    """A client of the sidecar. It waits for nothing: the first call connects, `Client.wait_ready` waits.

    There has to be a running event loop.

    Args:
        address: `unix:///path` or `host:port`. None: `SIDECOMMIT_ADDRESS`, else `unix:///run/sidecommit/api.sock`.
        deadline: Seconds until a call has to have an outcome, unless it is given its own.
        serializer: Makes the bytes of values and keys that are none.

    Raises:
        ValueError: The address is none.
    """
    return Client(Channel(address), deadline, serializer)


class Client:
    """A client of the sidecar, for the tasks of one event loop; `connect` makes it, `close` or an `async with` ends it.

    Each call is repeated until it has an outcome or its `deadline` (seconds) is over: a restart of the sidecar is a pause. Each
    may raise a `SidecommitError`, and RuntimeError once the client is closed.
    """

    def __init__(self, channel: Channel, deadline: float, serializer: Serializer | None) -> None:
        self._channel = channel
        self._seconds = deadline
        self._serializer = serializer
        self._keeper = Keeper(channel)

    @property
    def channel(self) -> grpc.aio.Channel:
        """For the generated stubs in `sidecommit.v1`."""
        return self._channel.grpc

    async def close(self) -> None:
        """Ends what is going on. What is not committed is aborted by the sidecar after its idle timeout."""
        self._keeper.close()
        await self._channel.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def wait_ready(self, timeout: float | None = None) -> ServerInfo:
        """Waits until the sidecar serves, so many seconds at most (None: the client's deadline)."""
        return await self._channel.perform(calls.wait_ready(self._deadline(timeout)))

    async def server_info(self, deadline: float | None = None) -> ServerInfo:
        """What the sidecar is, what it can do, and its limits."""
        return await self._channel.perform(calls.server_info(self._deadline(deadline)))

    def transaction(
        self,
        request_id: str | None = None,
        *,
        timeout: float | None = None,
        label: str = "",
        ordering_key: str = "",
        deadline: float | None = None,
    ) -> Transaction:
        """A transaction, for `async with`.

        Args:
            request_id: The application's own name for it. None: a random UUID.
            timeout: Seconds after which the sidecar aborts it. None: the sidecar's default.
            label: For people who look at open transactions.
            ordering_key: Transactions with the same one are written in the order of their commits.
            deadline: Seconds, for each of its calls.
        """
        scope = Scope(self._serializer, request_id, timeout, label, ordering_key)
        return Transaction(self._channel, self._keeper, scope, self._seconds if deadline is None else deadline)

    async def run(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        attempts: int = 5,
        on_retry: OnRetry | None = None,
        *,
        timeout: float | None = None,
        label: str = "",
        ordering_key: str = "",
        deadline: float | None = None,
    ) -> Committed[T]:
        """Calls `work(transaction)` in a scope, and again in a new one whenever it was aborted.

        Args:
            work: Does all of the work each time; it may not have effects outside the transaction that must not be repeated.
            attempts: Transactions at most.
            on_retry: Told the attempt that failed, from 1 on, and its error; if it returns False there is no other one.
            timeout: As in `transaction`.
            label: As in `transaction`.
            ordering_key: As in `transaction`.
            deadline: As in `transaction`.
        """
        backoff = Backoff()
        for attempt in itertools.count(1):
            transaction = self.transaction(timeout=timeout, label=label, ordering_key=ordering_key, deadline=deadline)
            try:
                async with transaction:
                    result = await work(transaction)
            except Aborted as error:
                await self._channel.do(Pause(calls.again(error, attempt, attempts, backoff, on_retry)))
                continue
            committed = transaction.committed
            if committed is None:
                raise aborted_by_the_work(transaction.transaction_id)
            return Committed(committed.transaction_id, committed.ranges, result, attempt)
        raise AssertionError("attempts end by returning or raising")

    async def transact(
        self,
        records: Iterable[Record],
        idempotency_key: str,
        first_attempt_time: datetime | None = None,
        *,
        deliveries: Iterable[consume_pb2.Delivery | str] = (),
        offsets: Iterable[GroupOffsets] = (),
        timeout: float | None = None,
        ordering_key: str = "",
        attempts: int = 5,
        on_retry: OnRetry | None = None,
        deadline: float | None = None,
    ) -> Committed[None]:
        """A whole transaction in one call: the fastest way for small ones.

        Args:
            records: What to write, in order.
            idempotency_key: Names the piece of work: of all attempts with it at most one is ever committed.
            first_attempt_time: When this key was first tried, if that was before a restart of the application.
            deliveries: Deliveries to settle.
            offsets: Offsets of the application's own consumers.
            timeout: As in `transaction`.
            ordering_key: As in `transaction`.
            attempts: How often it is tried, if it is aborted.
            on_retry: As in `run`.
            deadline: Seconds, for all of it.
        """
        packed = [convert.record(record, self._serializer) for record in records]
        request = calls.transact_request(idempotency_key, packed, deliveries, offsets, timeout, ordering_key, first_attempt_time)
        return await self._channel.perform(calls.transact(request, self._deadline(deadline), attempts, on_retry))

    async def get_outcome(
        self,
        transaction_id: str | None = None,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        wait: bool = True,
        deadline: float | None = None,
    ) -> Outcome:
        """What became of a transaction, by one of its names; with `wait`: when it is final.

        Raises:
            Aborted: NEVER_ISSUED: it was never begun.
            NeedsHuman: OUTCOME_FORGOTTEN: it may have been committed.
        """
        request = calls.outcome_request(transaction_id, request_id, idempotency_key, wait)
        return await self._channel.perform(calls.get_outcome(request, self._deadline(deadline)))

    @overload
    async def process(
        self,
        group: str,
        topics: str | Sequence[str],
        handler: Handler,
        *,
        batch: Literal[False] = False,
        concurrency: int = 4,
        handle_signals: bool = True,
        **subscription: Unpack[Subscription],
    ) -> int: ...
    @overload
    async def process(
        self,
        group: str,
        topics: str | Sequence[str],
        handler: BatchHandler,
        *,
        batch: Literal[True],
        concurrency: int = 4,
        handle_signals: bool = True,
        **subscription: Unpack[Subscription],
    ) -> int: ...
    async def process(
        self,
        group: str,
        topics: str | Sequence[str],
        handler: Callable[[Any], Any],
        *,
        batch: bool = False,
        concurrency: int = 4,
        handle_signals: bool = True,
        **subscription: Unpack[Subscription],
    ) -> int:
        """Reads topics, calls the handler, and commits what it returns together with the offsets, until it is stopped.

        Args:
            group: The consumer group.
            topics: Their names; a single text that begins with ^ is a pattern.
            handler: Gets a record, or with `batch` all of a delivery, and returns the records to write: none, one or many.
                What it raises is the record's failure; `Reject` says that another attempt
                cannot succeed, and `RecordError`, in a batch, whose it is.
            batch: Whether the handler gets all records of a delivery, of one partition, at once.
            concurrency: How many partitions are worked on at a time; each in order.
            handle_signals: Whether SIGTERM and SIGINT stop it, if it is called in the main thread.
            **subscription: See `Subscription`.

        Returns:
            How many records were settled.
        """
        making: Any = self.processor
        running: Processor = making(group, topics, handler, batch=batch, concurrency=concurrency, **subscription)
        return await running.run(handle_signals)

    @overload
    def processor(
        self,
        group: str,
        topics: str | Sequence[str],
        handler: Handler,
        *,
        batch: Literal[False] = False,
        concurrency: int = 4,
        **subscription: Unpack[Subscription],
    ) -> Processor: ...
    @overload
    def processor(
        self,
        group: str,
        topics: str | Sequence[str],
        handler: BatchHandler,
        *,
        batch: Literal[True],
        concurrency: int = 4,
        **subscription: Unpack[Subscription],
    ) -> Processor: ...
    def processor(
        self,
        group: str,
        topics: str | Sequence[str],
        handler: Callable[[Any], Any],
        *,
        batch: bool = False,
        concurrency: int = 4,
        **subscription: Unpack[Subscription],
    ) -> Processor:
        """As `process`, to be run by `Processor.run` and stopped by `Processor.stop`."""
        if concurrency < 1:
            raise ValueError("concurrency is at least 1")
        session = Session(subscribe(group, topics, subscription), concurrency)
        options = Options(
            batch=batch,
            dead_letter_topic=subscription.get("dead_letter_topic", ""),
            serializer=self._serializer,
            deadline=self._deadline,
            stopping=lambda: session.stopping,
            is_void=session.is_void,
            backoff=Backoff(),
        )
        return Processor(self, self._channel, session, options, handler)

    def _deadline(self, seconds: float | None = None) -> Deadline:
        return Deadline(self._seconds if seconds is None else seconds)
