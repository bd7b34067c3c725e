"""`tests/effects/run`: its header says how it is used."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys

from .campaign import campaign
from .judge import Run, table
from .kafka import Broker
from .patterns import PATTERNS
from .programs import Failure
from .scene import say

INPUTS = 1000
STRIKES = 12


def main() -> int:
    """Runs the patterns; the exit code."""
    parser = argparse.ArgumentParser(prog="tests/effects/run", description="Strikes the programs of examples/effects.")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help=", ".join(PATTERNS))
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="replays a choice of strikes")
    arguments = parser.parse_args()
    for unknown in set(arguments.patterns) - PATTERNS.keys():
        parser.error(f"no pattern {unknown}: there are {', '.join(PATTERNS)}")
    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    strikes = int(os.environ.get("SIDECOMMIT_STRIKES", STRIKES))
    # As dense as ever.
    inputs = max(INPUTS, INPUTS * strikes // STRIKES)
    names = arguments.patterns or list(PATTERNS)
    say(f"seed {arguments.seed}: {strikes} strikes and {inputs} inputs each for {', '.join(names)}")
    subprocess.run(["tests/effects/build", *names], check=True)
    broker = Broker()
    try:
        runs = [one(name, broker, arguments.seed, strikes, inputs) for name in names]
    finally:
        broker.close()
    failed = sum(bool(run.verdict()) for run in runs)
    say(f"\n{table(runs)}\n{len(runs) - failed} passed, {failed} failed")
    return min(failed, 1)


def one(name: str, broker: Broker, seed: int, strikes: int, inputs: int) -> Run:
    """Runs one pattern and tells how it went."""
    say(f"\n{name}")
    try:
        run = campaign(name, broker, seed, strikes, inputs)
    except Failure as failure:
        run = Run(name, inputs, complaints=[str(failure)])
    struck = ", ".join(f"{n} {kind.value}" for kind, n in run.strikes.items())
    say(f"  struck: {struck}")
    for complaint in run.verdict():
        say(f"  FAILED: {complaint}")
    return run


if __name__ == "__main__":
    sys.exit(main())
