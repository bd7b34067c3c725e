"""Keeps open transactions from their idle timeout."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import SidecommitError
from ..v1 import transaction_pb2
from .convert import server_info
from .flow import KEEP_ALIVE, SERVER_INFO, Call, Flow, Pause
from .retry import Backoff

# Each third of the idle timeout: two may be lost.
SHARE = 3
IDS_PER_CALL = 1000
# For calls that are not worth waiting for.
PATIENCE = 5.0


class Open:
    """The transactions that are open."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def add(self, transaction_id: str) -> None:
        """It was begun."""
        self._ids[transaction_id] = None

    def remove(self, transaction_id: str) -> None:
        """It is over."""
        self._ids.pop(transaction_id, None)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def requests(self) -> Iterator[transaction_pb2.KeepAliveRequest]:
        """For all of them."""
        ids = list(self._ids)
        for start in range(0, len(ids), IDS_PER_CALL):
            yield transaction_pb2.KeepAliveRequest(transaction_ids=ids[start : start + IDS_PER_CALL])


def keep(transactions: Open) -> Flow[None]:
    """Until none is open. A transaction that is not open any more is said so by its own calls."""
    backoff = Backoff()
    while transactions:
        try:
            info = yield Call(SERVER_INFO, transaction_pb2.GetServerInfoRequest(), PATIENCE)
            interval = server_info(info).limits.idle_timeout / SHARE
            backoff.reset()
            while transactions:
                yield Pause(interval)
                for request in transactions.requests():
                    yield Call(KEEP_ALIVE, request, interval)
        except SidecommitError as error:
            # Nothing is lost by it yet. The sidecar may be another one, with other limits.
            yield Pause(backoff.pause(error.retry_after))
