"""A transaction, as a scope."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from .._core.flow import Effect, Flow, Flush, T
from .._core.retry import Deadline
from .._core.scope import ABORT_PATIENCE, Scope
from ..errors import SidecommitError
from ..records import Headers, Member, Offset
from ..results import Committed
from ..v1 import consume_pb2
from .channel import Channel
from .keeper import Keeper
from .upload import Upload

log = logging.getLogger("sidecommit")


class Transaction:
    """A transaction: `async with client.transaction() as transaction`.

    It begins when it is entered or first used, commits at the scope's end, and aborts if the scope ends by an exception.
    Not entered, it is for `commit` or `abort` to end it. One task uses it at a time.
    """

    def __init__(self, channel: Channel, keeper: Keeper, scope: Scope, deadline: float) -> None:
        self._channel = channel
        self._keeper = keeper
        self._scope = scope
        self._seconds = deadline
        self._upload = Upload(channel, scope.outbox)
        self._add = scope.outbox.add

    @property
    def transaction_id(self) -> str:
        """The sidecar's name for it; empty before it was begun."""
        return self._scope.transaction_id

    @property
    def request_id(self) -> str:
        """The application's name for it."""
        return self._scope.request_id

    @property
    def committed(self) -> Committed[None] | None:
        """What `commit` returned, once it did."""
        return self._scope.committed

    async def produce(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        headers: Headers | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queues a record; waits only while 4 MiB or 5,000 records are not acknowledged.

        Args:
            topic: An existing one.
            value: Bytes, or what the client's serializer takes; None is a tombstone.
            key: As value; decides the partition, if none is given.
            headers: Names and values, in order.
            partition: None: by the key.
            timestamp_ms: Milliseconds since the Unix epoch; None: when the sidecar takes it.

        Raises:
            TypeError, ValueError: It is no record; nothing was queued.
            SidecommitError: This or an earlier record was refused, or the transaction is over; it cannot be committed.
            DeadlineExceeded: Nothing was acknowledged for so long. The record is queued.
        """
        if not self._scope.transaction_id:
            await self._begin()
        if self._add(topic, value, key, headers, partition, timestamp_ms):
            self._scope.streaming = True
            self._upload.start()
            await self._upload.wait_for_room(self._deadline)

    async def settle(self, *deliveries: consume_pb2.Delivery | str, deadline: float | None = None) -> None:
        """Settles deliveries, or those with these ids, with this transaction."""
        await self._begin()
        await self._perform(self._scope.settle(deliveries, self._deadline(deadline)))

    async def send_offsets(self, group: str | Member, offsets: Iterable[Offset], deadline: float | None = None) -> None:
        """Commits offsets of the application's own consumer with this transaction.

        Args:
            group: The group's id, or the member, which fences one that lost its partitions.
            offsets: Where the group goes on.
            deadline: Seconds; None: the client's.
        """
        await self._begin()
        await self._perform(self._scope.send_offsets(group, offsets, self._deadline(deadline)))

    async def flush(self, deadline: float | None = None) -> None:
        """Waits until the sidecar has all that was produced: nothing of it can be refused by the sidecar any more."""
        await self._begin()
        await self._perform(self._scope.flush(self._deadline(deadline)))

    async def commit(self, deadline: float | None = None) -> Committed[None]:
        """Commits; the scope's end does it as well. A repeat returns the same.

        Raises:
            Aborted: It was aborted.
            DeadlineExceeded: There is no outcome yet; call it again, or `get_outcome`.
            BadRequest, NeedsHuman: Or else.
        """
        await self._begin()
        committed = await self._perform(self._scope.commit(self._deadline(deadline)), last=True)
        self._end()
        return committed

    async def abort(self, reason: str = "", deadline: float | None = None) -> None:
        """Aborts; a scope then ends without a commit.

        Args:
            reason: For people.
            deadline: Seconds; None: the client's.
        """
        self._upload.close()
        await self._perform(self._scope.abort(reason, self._deadline(deadline)))
        self._end()

    async def __aenter__(self) -> Transaction:
        await self._begin()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None and not self._scope.aborted:
                await self.commit()
        except BaseException as failed:
            error = failed
            raise
        finally:
            if error is not None:
                await self._abandon(error)
            self._end()

    async def _abandon(self, error: BaseException) -> None:
        """It is aborted for the application's error, which goes on its way whatever comes of that."""
        if self._scope.over:
            return
        try:
            await self.abort(f"{type(error).__name__}: {error}", deadline=min(self._seconds, ABORT_PATIENCE))
        except (SidecommitError, RuntimeError) as failed:
            # RuntimeError: the client is closed.
            log.warning("the transaction was not aborted: %s", failed)

    async def _begin(self) -> None:
        if not self._scope.transaction_id:
            await self._channel.perform(self._scope.begin(self._deadline()))
            self._keeper.add(self._scope.transaction_id)

    def _end(self) -> None:
        self._upload.close()
        self._keeper.remove(self._scope.transaction_id)

    def _deadline(self, seconds: float | None = None) -> Deadline:
        return Deadline(self._seconds if seconds is None else seconds)

    async def _perform(self, flow: Flow[T], last: bool = False) -> T:
        return await self._channel.perform(flow, _Performer(self._channel, self._upload, last))


class _Performer:
    def __init__(self, channel: Channel, upload: Upload, last: bool) -> None:
        self._channel = channel
        self._upload = upload
        self._last = last

    async def do(self, effect: Effect) -> Any:
        if isinstance(effect, Flush):
            return await self._upload.flush(effect.deadline, effect.next_sequence, self._last)
        return await self._channel.do(effect)
