"""What is measured, the same way for all contenders."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

BULK_RECORDS = 10_000
BULK_BYTES = 1000
SMALL_BYTES = 100
CALLERS = 32
# So many different values.
VALUES = 64


@dataclass(frozen=True)
class Settings:
    topic: str
    seconds: float


def values(size: int) -> list[bytes]:
    return [os.urandom(size) for _ in range(VALUES)]


def bulk_values() -> list[bytes]:
    """Of one transaction."""
    some = values(BULK_BYTES)
    return [some[i % VALUES] for i in range(BULK_RECORDS)]


class Window:
    """Opens when it is made. A transaction counts if it was committed in it; the first one counts in any case."""

    def __init__(self, settings: Settings, records: int) -> None:
        self._seconds = settings.seconds
        self._records = records
        self._began = time.perf_counter()
        self._last = self._began
        self._transactions = 0

    def open(self) -> bool:
        return time.perf_counter() - self._began < self._seconds

    def committed(self) -> None:
        if self.open() or not self._transactions:
            self._last = time.perf_counter()
            self._transactions += 1

    def result(self) -> dict[str, Any]:
        return {
            "records": self._transactions * self._records,
            "transactions": self._transactions,
            "seconds": round(self._last - self._began, 3),
        }
