"""One pattern under strikes."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from .judge import Run
from .kafka import Broker
from .patterns import PATTERNS, Pattern
from .postgres import Postgres
from .programs import Failure
from .scene import Scene, say
from .sidecar import Sidecar
from .strikes import Kind, Strike, plan

# Seconds: what stands still for so long waits for a relay of another slot, and for so long does not go on at all.
STANDS_STILL = 5.0
PATIENCE = 90.0


def campaign(name: str, broker: Broker, seed: int, strikes: int, inputs: int) -> Run:
    """Runs a pattern, strikes it, and counts."""
    run = Run(name, inputs)
    kind = PATTERNS[name]
    with tempfile.TemporaryDirectory(prefix="effects-", dir="/tmp") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # for whoever runs the database
        slot = f"{folder.name}/test/{name}"
        sidecars = [Sidecar(folder, broker.bootstrap, f"{slot}/{n}") for n in range(kind.sidecars)]
        database = Postgres(folder) if kind.database else None
        scene = Scene(folder.name, seed, inputs, broker, sidecars, database)
        try:
            scene.start()
            through(kind(scene), run, plan(seed, kind.kinds, strikes, inputs))
        except Failure as failure:
            run.complaints.append(str(failure))
            scene.tell()
        finally:
            scene.close()
    run.seconds = time.monotonic() - run.began
    return run


def through(pattern: Pattern, run: Run, strikes: list[Strike]) -> None:
    """All of it, from the inputs to the verdict's numbers."""
    pattern.prepare()
    tell(run, "the inputs are there")
    pattern.start()
    effects, tries = 0, []
    for one in strikes:
        effects = wait(pattern, run, min(effects + one.effects, run.inputs))
        tries.append(pattern.again())
        run.in_work += 0 < effects < run.inputs
        time.sleep(one.delay)
        strike(pattern, run, one, effects)
    pattern.finish()
    wait(pattern, run, run.inputs)
    tell(run, "all effects are there")
    pattern.settle()
    tell(run, "all is settled")
    tries.append(pattern.again())
    run.again = tries[-1]
    run.felt = sum(after > before for before, after in pairwise(tries))
    pattern.collect(run)


def wait(pattern: Pattern, run: Run, wanted: int) -> int:
    """Waits until so many effects are there, and says how many there are."""
    known, since, moved = -1, 0.0, 0.0
    while (effects := pattern.progress()) < wanted:
        now = time.monotonic()
        if effects > known:
            known, since, moved = effects, now, now
        if now > since + PATIENCE:
            raise Failure(f"no effect for {PATIENCE:.0f} s: {effects} of {wanted} are there")
        if now > moved + STANDS_STILL and Kind.MOVE in pattern.kinds:
            tell(run, f"{effects} effects, what is left waits for the other slot: {Kind.MOVE.value}")
            pattern.move()
            moved = time.monotonic()
        time.sleep(0.01)
    return effects


def strike(pattern: Pattern, run: Run, one: Strike, effects: int) -> None:
    """Strikes, has what was struck start again, and does not wait for it to have caught up."""
    gently = ", gently" if one.gently and one.kind is Kind.DATABASE else ""
    tell(run, f"{effects} effects: {one.kind.value}{gently}")
    run.strikes[one.kind] += 1
    scene = pattern.scene
    match one.kind:
        case Kind.APPLICATION:
            pattern.kill()
            pattern.start()
        case Kind.SIDECAR | Kind.JOURNAL:
            for sidecar in scene.sidecars:
                sidecar.kill(one.kind is Kind.JOURNAL)
            for sidecar in scene.sidecars:
                sidecar.start()
        case Kind.POD:
            pattern.kill()
            for sidecar in scene.sidecars:
                sidecar.kill(journal=False)
            pattern.start()
            for sidecar in scene.sidecars:
                sidecar.start()
        case Kind.DATABASE:
            scene.database.strike(one.gently)
            scene.database.start()
        case Kind.MOVE:
            pattern.move()
        case Kind.GIVEN_UP:
            pattern.give_up()
        case Kind.SERVER:
            pattern.outage()


def tell(run: Run, words: str) -> None:
    """Says how it goes."""
    say(f"  {time.monotonic() - run.began:3.0f} s  {words}")
