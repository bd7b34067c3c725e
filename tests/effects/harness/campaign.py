"""One pattern under strikes."""

from __future__ import annotations

import contextlib
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .judge import Run
from .kafka import Broker
from .patterns import PATTERNS, Pattern
from .postgres import Postgres
from .programs import Failure, until
from .scene import Scene, say
from .sidecar import Sidecar
from .strikes import Kind, Strike, plan

# What stands still for so long waits for a relay of another slot.
STANDS_STILL = 5.0
PATIENCE = 120.0


def campaign(name: str, broker: Broker, seed: int, strikes: int, inputs: int) -> Run:
    """Runs a pattern, strikes it, and counts."""
    run = Run(name, inputs)
    with tempfile.TemporaryDirectory(prefix="effects-", dir="/tmp") as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)  # for whoever runs the database
        scene = make(name, folder, broker, seed, inputs)
        stack.callback(scene.close)
        pattern = PATTERNS[name](scene)
        try:
            through(pattern, run, plan(seed, pattern.kinds, strikes, inputs))
        except Failure as failure:
            run.complaints.append(str(failure))
            scene.tell()
        run.seconds = time.monotonic() - run.began
    return run


def make(name: str, folder: Path, broker: Broker, seed: int, inputs: int) -> Scene:
    """A scene with its sidecars serving and its database answering."""
    pattern = PATTERNS[name]
    unique = folder.name
    sidecars = [Sidecar(folder, broker.bootstrap, f"{unique}/test/{name}/{n}") for n in range(pattern.sidecars)]
    scene = Scene(unique, folder, seed, inputs, broker, sidecars, Postgres(folder) if pattern.database else None)
    starts = [sidecar.start for sidecar in sidecars] + ([scene.database.start] if scene.database else [])
    try:
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(start) for start in starts]:
                started.result()
    except Failure:
        scene.tell()
        scene.close()
        raise
    return scene


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
        strike(pattern, run, one, effects)
    pattern.finish()
    wait(pattern, run, run.inputs)
    tell(run, "all effects are there")
    pattern.settle()
    tell(run, "all is settled")
    tries.append(pattern.again())
    run.again = tries[-1]
    run.felt = sum(after > before for before, after in zip(tries, tries[1:], strict=False))
    pattern.collect(run)


def wait(pattern: Pattern, run: Run, wanted: int) -> int:
    """Waits until so many effects are there, and says how many there are."""
    end = time.monotonic() + PATIENCE
    known, since = -1, time.monotonic()
    while (effects := pattern.progress()) < wanted:
        now = time.monotonic()
        if effects > known:
            known, since = effects, now
        if now > end:
            raise Failure(f"not within {PATIENCE:.0f} s: {wanted} effects, there are {effects}")
        if now > since + STANDS_STILL and Kind.MOVE in pattern.kinds:
            tell(run, f"{effects} effects, what is left waits for the other slot: {Kind.MOVE.value}")
            pattern.move()
            since = time.monotonic()
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
