"""A transaction as its scope knows it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import grpc

from ..errors import Aborted, BadRequest, NextAction, SidecommitError
from ..records import GroupOffsets, Member, Offset
from ..results import Committed
from ..v1 import consume_pb2, transaction_pb2
from ..values import Serializer
from . import convert
from .flow import ABORT, BEGIN, COMMIT, PRODUCE, SEND_OFFSETS, Call, Flow, Flush, after, repeat
from .outbox import Outbox
from .retry import Backoff, Deadline

# How long an exception of the application's waits for Abort: the idle timeout aborts as well.
ABORT_PATIENCE = 5.0


class Scope:
    """Begin, then records and offsets, then Commit or Abort: the calls as flows, and what has to be kept between them."""

    def __init__(
        self,
        serializer: Serializer | None,
        request_id: str | None = None,
        timeout: float | None = None,
        label: str = "",
        ordering_key: str = "",
    ) -> None:
        self._begin = transaction_pb2.BeginRequest(
            request_id=request_id or str(uuid.uuid4()),
            timeout=convert.duration(timeout),
            label=label,
            ordering_key=ordering_key,
        )
        self.outbox = Outbox(serializer)
        self.committed: Committed[None] | None = None
        self.aborted = False
        """Whether the application aborted it."""
        self._asked = False
        self._refused = False
        self.streaming = False
        """Whether a stream was ever opened for it."""
        self._offsets_count = 0

    @property
    def transaction_id(self) -> str:
        """Empty before it was begun."""
        return self.outbox.transaction_id

    @property
    def request_id(self) -> str:
        """Begin's."""
        return self._begin.request_id

    @property
    def over(self) -> bool:
        """Whether there is nothing to abort: it was committed or aborted, or its commit was asked and may come yet."""
        return self.aborted or self._asked or self._refused or isinstance(self.outbox.failure, Aborted)

    def begin(self, deadline: Deadline) -> Flow[None]:
        """Once."""
        if not self.transaction_id:
            response = yield from repeat(BEGIN, self._begin, deadline)
            self.outbox.transaction_id = response.transaction_id

    def settle(self, deliveries: Iterable[consume_pb2.Delivery | str], deadline: Deadline) -> Flow[None]:
        """Holds deliveries from now on."""
        yield from self._send(transaction_pb2.SendOffsetsRequest(delivery_ids=convert.delivery_ids(deliveries)), deadline)

    def send_offsets(self, group: str | Member, offsets: Iterable[Offset], deadline: Deadline) -> Flow[None]:
        """Offsets of the application's own consumer."""
        given = convert.group_offsets(GroupOffsets(group, offsets))
        yield from self._send(transaction_pb2.SendOffsetsRequest(group_offsets=given), deadline)

    def _send(self, request: transaction_pb2.SendOffsetsRequest, deadline: Deadline) -> Flow[None]:
        yield from self.begin(deadline)
        request.transaction_id = self.transaction_id
        try:
            response = yield from repeat(SEND_OFFSETS, request, deadline, self.transaction_id)
        except Aborted:
            self._refused = True
            raise
        self._offsets_count = response.offsets_count

    def flush(self, deadline: Deadline) -> Flow[None]:
        """Until the sidecar has all records. A few of them are not worth a stream."""
        self.outbox.complete()
        only = None if self.streaming else self.outbox.only_batch()
        if only is None:
            yield Flush(deadline)
            return
        try:
            response = yield from repeat(PRODUCE, only, deadline, self.transaction_id)
        except SidecommitError as error:
            # A refusal stays: the record is in no commit.
            self.outbox.failure = error if error.next_action is not NextAction.RETRY_SAME else None
            raise
        self.outbox.acknowledge(response.next_sequence)

    def commit(self, deadline: Deadline) -> Flow[Committed[None]]:
        """Until the outcome is there. INCOMPLETE: what is missing is sent again, then the same Commit."""
        if self.committed is not None:
            return self.committed
        yield from self.begin(deadline)
        yield from self.flush(deadline)
        request = transaction_pb2.CommitRequest(
            transaction_id=self.transaction_id,
            record_count=self.outbox.queued,
            offsets_count=self._offsets_count,
        )
        self._asked = True
        backoff = Backoff()
        while True:
            try:
                response = yield Call(COMMIT, request, deadline.remaining())
                break
            except SidecommitError as error:
                yield from after(error, COMMIT, backoff, deadline, self.transaction_id, self._ask)
                if error.next_sequence is not None:
                    yield Flush(deadline, error.next_sequence)
        self.committed = convert.committed(response)
        return self.committed

    def abort(self, reason: str, deadline: Deadline) -> Flow[None]:
        """Unless it is over. A transaction that was never begun has nothing to abort."""
        if not self.transaction_id:
            self.aborted = True
            return
        request = transaction_pb2.AbortRequest(transaction_id=self.transaction_id, reason=convert.for_people(reason))
        yield from repeat(ABORT, request, deadline, self.transaction_id, self._ask)
        self.aborted = True

    @property
    def _ask(self) -> str:
        return f"transaction_id={self.transaction_id!r}"


def aborted_by_the_work(transaction_id: str) -> BadRequest:
    """There is nothing that `run` could return."""
    return BadRequest(
        "the work aborted its transaction",
        next_action=NextAction.FIX_REQUEST,
        code=grpc.StatusCode.ABORTED,
        reason="ABORTED_BY_CALLER",
        transaction_id=transaction_id,
    )
