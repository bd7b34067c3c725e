"""What a campaign needs to know of a pattern."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ..judge import Run
from ..postgres import Gone
from ..programs import Failure, Program, until
from ..scene import Scene
from ..strikes import Kind


class Pattern(ABC):
    """One example under test."""

    name: ClassVar[str]
    kinds: ClassVar[Sequence[Kind]]
    sidecars: ClassVar[int] = 1
    database: ClassVar[bool] = True

    application: Program
    group: str  # the consumer group that it reads as

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._seen = 0

    @abstractmethod
    def prepare(self) -> None:
        """Makes schema, topics, inputs and the application, which is not started."""

    @abstractmethod
    def effects(self) -> int:
        """How many effects there are; Gone while the database is away."""

    @abstractmethod
    def again(self) -> int:
        """How often an effect was tried again so far."""

    @abstractmethod
    def collect(self, run: Run) -> None:
        """At the end: counts into `run` what was suppressed, is missing, and is double."""

    def progress(self) -> int:
        """How many effects there are, as far as is known; raises if a program ended that should not."""
        self.tend()
        for sidecar in self.scene.sidecars:
            sidecar.check_alive()
        with contextlib.suppress(Gone):
            self._seen = self.effects()
        return self._seen

    def tend(self) -> None:
        """Looks after the programs, as the kubelet does."""
        self.application.check_alive()

    def start(self) -> None:
        """Starts the application."""
        self.application.start()

    def kill(self) -> None:
        """Kills the application."""
        self.application.kill()

    def move(self) -> None:
        """Kills the application and has it go on with another sidecar."""
        raise NotImplementedError(self.name)

    def give_up(self) -> None:
        """Kills the application and its sidecar for good, and has others go on with what they left."""
        raise NotImplementedError(self.name)

    def outage(self) -> None:
        """Has the server of the effects go away for a moment."""
        raise NotImplementedError(self.name)

    def settle(self) -> None:
        """When all effects are there: waits until nothing can come again, and ends the application in order."""
        (sidecar,) = self.scene.sidecars
        until(f"{self.group} has settled all", lambda: sidecar.settled(self.group), every=0.1)
        if code := self.application.end():
            raise Failure(f"{self.application.name} ended with {code}:\n{self.application.last_words()}")

    def finish(self) -> None:  # noqa: B027, most need nothing
        """After the last strike: what is needed for all to be done."""


def marked(program: Program, mark: str) -> list[str]:
    """What a program said behind a mark."""
    return [line.split(mark, 1)[1] for line in list(program.lines) if mark in line]
