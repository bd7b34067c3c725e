"""Drives flows without I/O: each effect gets the next answer of a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sidecommit._core.flow import Call, Effect, Flow, Pause, T
from sidecommit._core.retry import Deadline
from sidecommit.errors import Aborted, BadRequest, NeedsHuman, NextAction, SidecommitError

_KINDS = {NextAction.BEGIN_AGAIN: Aborted, NextAction.FIX_REQUEST: BadRequest, NextAction.STOP: NeedsHuman}


def refused(action: NextAction, reason: str = "", **more: Any) -> SidecommitError:
    return _KINDS.get(action, SidecommitError)("refused", next_action=action, reason=reason, **more)


@dataclass
class Clock:
    """Time goes by only in pauses."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    def deadline(self, seconds: float = 60.0) -> Deadline:
        return Deadline(seconds, self)


@dataclass
class Script:
    """An answer that is an exception is raised. Pauses take no answer."""

    answers: list[Any]
    clock: Clock = field(default_factory=Clock)
    effects: list[Effect] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def play(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                effect = self._answer(flow, effect)
        except StopIteration as done:
            assert not self.answers, "answers that nobody asked for"
            result: T = done.value
            return result

    def _answer(self, flow: Flow[T], effect: Effect) -> Effect:
        if isinstance(effect, Pause):
            self.pauses.append(effect.seconds)
            self.clock.now += effect.seconds
            return flow.send(None)
        self.effects.append(effect)
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer(effect)
        return flow.throw(answer) if isinstance(answer, BaseException) else flow.send(answer)

    @property
    def calls(self) -> list[str]:
        return [effect.rpc.name if isinstance(effect, Call) else type(effect).__name__ for effect in self.effects]

    def request(self, index: int) -> Any:
        call = self.effects[index]
        assert isinstance(call, Call)
        return call.request
