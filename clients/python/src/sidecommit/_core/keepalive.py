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
# Transactions that are over by then are nobody's business here: most are.
YOUNG_SECONDS = 0.25
# For calls that are not worth waiting for.
PATIENCE = 5.0


class _Age:
    old = False


class Open:
    """The transactions that are open. One thread may add and remove while another one asks."""

    def __init__(self) -> None:
        # An age is an object, so that marking one that is removed meanwhile does not bring it back.
        self._ids: dict[str, _Age] = {}

    def add(self, transaction_id: str) -> None:
        """It was begun."""
        self._ids[transaction_id] = _Age()

    def remove(self, transaction_id: str) -> None:
        """It is over."""
        self._ids.pop(transaction_id, None)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def old(self) -> list[str]:
        """Those that were there at the last call, too."""
        known = list(self._ids.items())
        old = [transaction_id for transaction_id, age in known if age.old]
        for _, age in known:
            age.old = True
        return old

    def any_of(self, transaction_ids: list[str]) -> bool:
        """Whether one of these still is."""
        return any(transaction_id in self._ids for transaction_id in transaction_ids)


def keep(transactions: Open) -> Flow[None]:
    """Until none is open. A transaction that is not open any more is said so by its own calls."""
    backoff = Backoff()
    while transactions:
        yield Pause(YOUNG_SECONDS)
        old = transactions.old()
        if not old:
            continue
        try:
            # Asked each time: the sidecar may be another one, with other limits.
            info = yield Call(SERVER_INFO, transaction_pb2.GetServerInfoRequest(), PATIENCE)
            for request in _requests(old):
                yield Call(KEEP_ALIVE, request, PATIENCE)
        except SidecommitError as error:
            # Nothing is lost by it yet.
            yield Pause(backoff.pause(error.retry_after))
            continue
        backoff.reset()
        left = server_info(info).limits.idle_timeout / SHARE - YOUNG_SECONDS
        # Only as long as this is about the same transactions: others may be another sidecar's.
        while left > 0 and transactions.any_of(old):
            yield Pause(min(left, YOUNG_SECONDS))
            left -= YOUNG_SECONDS


def _requests(transaction_ids: list[str]) -> Iterator[transaction_pb2.KeepAliveRequest]:
    for start in range(0, len(transaction_ids), IDS_PER_CALL):
        yield transaction_pb2.KeepAliveRequest(transaction_ids=transaction_ids[start : start + IDS_PER_CALL])
