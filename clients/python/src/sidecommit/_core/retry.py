"""When to try again, and until when."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

FIRST = 0.05
LONGEST = 2.0


class Backoff:
    """Pauses between attempts: what the sidecar asks for, else 50 ms doubling to 2 s, less up to a half by chance."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._next = FIRST

    def pause(self, asked: float | None = None) -> float:
        """Seconds until the next attempt."""
        if asked is not None:
            return asked
        pause, self._next = self._next, min(self._next * 2, LONGEST)
        return pause * (1 - self._chance() / 2)

    def reset(self) -> None:
        """After a success."""
        self._next = FIRST


class Deadline:
    """A point in time until which there has to be an outcome."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._at = clock() + seconds

    def remaining(self) -> float:
        """Seconds; 0 when it is over."""
        return max(self._at - self._clock(), 0.0)
