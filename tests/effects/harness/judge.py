"""The verdict on a run, from what was counted; pure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from .strikes import Kind


@dataclass
class Run:
    """What happened to a pattern."""

    pattern: str
    inputs: int
    strikes: Counter[Kind] = field(default_factory=Counter)
    in_work: int = 0  # strikes that met some effects done and others not
    felt: int = 0  # strikes after which something was tried again
    again: int = 0  # tries beyond the first of an effect
    suppressed: int = 0  # tries that the pattern kept from having the effect twice
    missing: int = 0
    double: int = 0
    complaints: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def count(self, expected: Iterable[Hashable], effects: Counter) -> None:
        """Compares what should be there once with what is there."""
        wanted = set(expected)
        self.missing += sum(1 for one in wanted if not effects[one])
        self.double += sum(n - 1 for one, n in effects.items() if one in wanted)
        for stray in list(effects.keys() - wanted)[:3]:
            self.complaints.append(f"an effect of no input: {stray!r}")

    def verdict(self) -> list[str]:
        """Why it failed; empty: it passed."""
        said = list(self.complaints)
        if self.missing:
            said.append(f"{self.missing} of {self.inputs} inputs have no effect")
        if self.double:
            said.append(f"{self.double} effects too many")
        if not self.in_work:
            said.append("proves nothing: no strike met the work half done")
        if not self.suppressed:
            said.append("proves nothing: no effect was ever tried twice")
        return said


def table(runs: list[Run]) -> str:
    """The runs for people."""
    head = ["pattern", "inputs", "strikes", "in work", "felt", "again", "suppressed", "missing", "double", "s", ""]
    rows = [
        [
            *(run.pattern, run.inputs, run.strikes.total(), run.in_work, run.felt, run.again, run.suppressed),
            *(run.missing, run.double, f"{run.seconds:.0f}", "failed" if run.verdict() else "passed"),
        ]
        for run in runs
    ]
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells)
