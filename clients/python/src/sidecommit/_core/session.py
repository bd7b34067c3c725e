"""Bookkeeping of `process`: what is said on the Consume stream, what is worked on, and when it is over."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..errors import NextAction, SidecommitError
from ..v1 import consume_pb2
from .retry import Backoff

# Of deliveries that were given back, so many are remembered in case the stream breaks before the sidecar has read it.
GIVEN_BACK_MAX = 1000


class Action:
    """What a driver does for a session."""

    __slots__ = ()


@dataclass(frozen=True)
class Open(Action):
    """Opens a stream, after so many seconds, with this as its first message. The stream before is done with."""

    subscribe: consume_pb2.Subscribe
    after: float


@dataclass(frozen=True)
class Say(Action):
    """Says it on the stream that is open."""

    request: consume_pb2.ConsumeRequest


@dataclass(frozen=True)
class Work(Action):
    """Works on a delivery, beside the others, and tells `finished` how it went."""

    delivery: consume_pb2.Delivery


@dataclass(frozen=True)
class Settled:
    """The delivery is settled."""

    records: int


@dataclass(frozen=True)
class GivenBack:
    """The delivery is to be released."""


@dataclass(frozen=True)
class Blamed:
    """The delivery is over: its failure was told."""


@dataclass(frozen=True)
class Failed:
    """Nobody can go on; the delivery is to be released."""

    error: BaseException


Outcome = Settled | GivenBack | Blamed | Failed


class Session:
    """Not thread-safe: one loop owns it, and performs what its methods return, in order."""

    def __init__(self, subscribe: consume_pb2.Subscribe, concurrency: int) -> None:
        self.settled = 0
        """Records that were settled."""
        self.error: BaseException | None = None
        """Why it stops, if not because it was asked to."""
        self.stopping = False
        """Whether it takes nothing new."""
        self._subscribe = subscribe
        self._concurrency = concurrency
        self._backoff = Backoff()
        self._connected = False
        # Of this stream.
        self._credit = 0
        self._working: set[str] = set()
        self._waiting: deque[consume_pb2.Delivery] = deque()
        # Worked on, but no longer ours.
        self._void: set[str] = set()
        self._given_back: dict[str, None] = {}

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.stopping and not self._working

    def is_void(self, delivery_id: str) -> bool:
        """Whether it is pointless to settle it. May be asked from anywhere."""
        return delivery_id in self._void

    def start(self) -> list[Action]:
        """At first."""
        return [Open(self._request(), 0)]

    def told(self, said: consume_pb2.ConsumeResponse) -> list[Action]:
        """The sidecar said something."""
        kind = said.WhichOneof("kind")
        if kind == "session_started":
            return self._started(said.session_started)
        if kind == "delivery":
            return self._delivered(said.delivery)
        if kind == "revoked":
            return self._revoked(set(said.revoked.delivery_ids))
        # What was assigned, that there is nothing to read, and that what was given back was void anyway: nothing to do.
        return []

    def broke(self, error: SidecommitError | None) -> list[Action]:
        """The stream ended; without an error it ended by itself."""
        self._connected = False
        self._credit = 0
        action = error.next_action if error is not None else NextAction.RETRY_SAME
        if error is not None and action in (NextAction.FIX_REQUEST, NextAction.STOP):
            return self.fail(error)
        if action is NextAction.BEGIN_AGAIN:
            self._subscribe.session_id = ""
            self._forget()
        if self.over:
            return []
        return [Open(self._request(), self._backoff.pause(error.retry_after if error is not None else None))]

    def finished(self, delivery_id: str, outcome: Outcome) -> list[Action]:
        """A delivery was worked on."""
        self._working.discard(delivery_id)
        self._void.discard(delivery_id)
        actions: list[Action] = []
        if isinstance(outcome, Settled):
            self.settled += outcome.records
        elif isinstance(outcome, GivenBack | Failed):
            actions += self._release(delivery_id)
        if isinstance(outcome, Failed):
            actions += self.fail(outcome.error)
        while self._waiting and len(self._working) < self._concurrency:
            actions.append(self._work(self._waiting.popleft()))
        return actions + self._grant()

    def stop(self) -> list[Action]:
        """Takes nothing new; what waits is given back."""
        self.stopping = True
        actions: list[Action] = []
        while self._waiting:
            actions += self._release(self._waiting.popleft().delivery_id)
        return actions

    def fail(self, error: BaseException) -> list[Action]:
        """Nobody can go on."""
        self.error = self.error or error
        return self.stop()

    def _started(self, started: consume_pb2.SessionStarted) -> list[Action]:
        self._subscribe.session_id = started.session_id
        self._connected = True
        self._backoff.reset()
        if not started.resumed:
            self._forget()
        return self._grant()

    def _delivered(self, delivery: consume_pb2.Delivery) -> list[Action]:
        id = delivery.delivery_id
        if id in self._working or any(id == waiting.delivery_id for waiting in self._waiting):
            # A resumed stream tells it again.
            return []
        self._credit = max(self._credit - 1, 0)
        if self.stopping or id in self._given_back:
            return self._release(id) + self._grant()
        if len(self._working) < self._concurrency:
            return [self._work(delivery)]
        # A resumed stream may bring more than there is credit for.
        self._waiting.append(delivery)
        return []

    def _revoked(self, ids: set[str]) -> list[Action]:
        self._void |= ids & self._working
        self._waiting = deque(waiting for waiting in self._waiting if waiting.delivery_id not in ids)
        return self._grant()

    def _forget(self) -> None:
        """The session is a new one: what is left of the one before is void."""
        self._void |= self._working
        self._waiting.clear()
        self._given_back.clear()

    def _work(self, delivery: consume_pb2.Delivery) -> Action:
        self._working.add(delivery.delivery_id)
        return Work(delivery)

    def _release(self, delivery_id: str) -> list[Action]:
        self._given_back[delivery_id] = None
        if len(self._given_back) > GIVEN_BACK_MAX:
            del self._given_back[next(iter(self._given_back))]
        return self._say(release=consume_pb2.Release(delivery_id=delivery_id))

    def _grant(self) -> list[Action]:
        """Credit for as many deliveries as there are free hands."""
        free = self._concurrency - len(self._working) - len(self._waiting) - self._credit
        if self.stopping or free <= 0 or not self._connected:
            return []
        self._credit += free
        return self._say(credit=consume_pb2.Credit(deliveries=free))

    def _say(self, release: consume_pb2.Release | None = None, credit: consume_pb2.Credit | None = None) -> list[Action]:
        if not self._connected:
            return []
        return [Say(consume_pb2.ConsumeRequest(release=release, credit=credit))]

    def _request(self) -> consume_pb2.Subscribe:
        request = consume_pb2.Subscribe()
        request.CopyFrom(self._subscribe)
        return request
