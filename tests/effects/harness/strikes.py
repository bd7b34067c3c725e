"""Which strikes there are, when, and in which order: drawn from a seed, pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count


class Kind(Enum):
    """What is struck."""

    APPLICATION = "application"  # SIGKILL, then started anew
    SIDECAR = "sidecar"  # SIGKILL, then started anew with its journal
    JOURNAL = "sidecar and journal"  # the same, and the journal is deleted
    POD = "application and sidecar"  # both, as when a node is lost
    DATABASE = "database"  # SIGKILL of the postmaster, or an immediate stop; then started anew
    MOVE = "move"  # the application is killed and goes on with another sidecar
    GIVEN_UP = "slot given up"  # application and sidecar are killed, the slot is settled, and its rows are freed
    SERVER = "server"  # the HTTP server cuts all connections and is away for a moment


# Takes much longer than the others: every second time only.
RARE = {Kind.GIVEN_UP}
# An effect is often seen just as the next one begins; a strike may fall anywhere before the one after.
DELAY_MAX = 0.03


@dataclass(frozen=True)
class Strike:
    """One strike: when there are so many effects more than at the one before, and after a delay (seconds)."""

    effects: int
    kind: Kind
    delay: float
    gently: bool  # of two ways to strike the less rude one


def plan(seed: int, kinds: Sequence[Kind], strikes: int, effects: int) -> list[Strike]:
    """So many strikes before all effects are there: each kind once before any comes again.

    Effects come in bursts, so that more than planned are there at each strike: half of them are planned for.
    """
    draw = random.Random(seed)
    order: list[Kind] = []
    for turn in count():
        turns = [kind for kind in kinds if turn % 2 == 0 or kind not in RARE]
        order += draw.sample(turns, len(turns))
        if len(order) >= strikes:
            break
    most = max(1, effects // strikes)
    return [
        Strike(draw.randint(1, most), kind, draw.uniform(0, DELAY_MAX), draw.random() < 0.5) for kind in order[:strikes]
    ]
