"""What a pattern runs in: a broker, sidecars, a database, a folder, and names that nobody else uses."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .kafka import Broker
from .postgres import Postgres
from .programs import Failure, Program, environment
from .sidecar import Sidecar

EXAMPLES = Path("examples/effects")
# Where tests/effects/build puts them.
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "effects"
FILL = Path("tests/effects/fill.py")


@dataclass
class Scene:
    """For one run of one pattern."""

    name: str
    seed: int
    inputs: int
    broker: Broker
    sidecars: list[Sidecar]
    database: Postgres | None = None
    programs: list[Program] = field(default_factory=list)

    def start(self) -> None:
        """Has sidecars serve and the database answer."""
        starts = [sidecar.start for sidecar in self.sidecars]
        if self.database:
            starts.append(self.database.start)
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(start) for start in starts]:
                started.result()

    def topic(self, what: str, partitions: int = 4) -> str:
        """Makes a topic."""
        topic = f"{self.name}-{what}"
        self.broker.create(topic, partitions)
        return topic

    def fill(self, topic: str, records: Iterable[tuple[str, dict]]) -> None:
        """Writes keys and JSON values, all in one transaction, with the Python client."""
        lines = "".join(json.dumps([key, value]) + "\n" for key, value in records)
        command = [BUILT / "processed-events/venv/bin/python", FILL, topic]
        settings = environment(SIDECOMMIT_ADDRESS=self.sidecars[0].address)
        done = subprocess.run(command, input=lines, text=True, env=settings, capture_output=True)
        if done.returncode:
            raise Failure(f"fill: {done.stderr}")

    def program(self, name: str, command: Iterable[object], **variables: str) -> Program:
        """A program of the example's, with what all of them get."""
        settings = environment(SIDECOMMIT_ADDRESS=self.sidecars[0].address, POD_NAME="pod-0", **variables)
        if self.database:
            settings.setdefault("DATABASE_URL", self.database.url)
        program = Program(name, list(map(str, command)), settings)
        self.programs.append(program)
        return program

    def schema(self, pattern: str, more: str) -> None:
        """The example's schema, and what the judge adds to it."""
        self.database.run((EXAMPLES / pattern / "schema.sql").read_text() + more)

    def tell(self) -> None:
        """What everybody said last, for whoever looks for the cause."""
        for program in self.programs:
            say(f"--- {program.name}:\n{program.last_words()}")
        for sidecar in self.sidecars:
            say(f"--- {sidecar.slot}:\n{sidecar.last_words()}\n{sidecar.groups()}")

    def close(self) -> None:
        """Ends all of it but the broker."""
        for program in self.programs:
            program.kill()
        for sidecar in self.sidecars:
            sidecar.kill(journal=False)
        if self.database:
            self.database.stop()


def say(words: str) -> None:
    """A line of progress."""
    print(words, flush=True)
