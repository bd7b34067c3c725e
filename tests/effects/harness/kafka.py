"""The broker, and what a read_committed reader sees: target/debug/kafka-fixture."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .programs import Failure, environment

FIXTURE = Path("target/debug/kafka-fixture")
# A reader that has got no record for so long has read all.
PATIENCE_MS = "5000"


@dataclass(frozen=True)
class Message:
    """A visible record."""

    timestamp_ms: int
    partition: int
    offset: int
    headers: dict[str, str]
    key: str
    value: str


class Broker:
    """The broker at SIDECOMMIT_TEST_BOOTSTRAP, or one of its own with these properties, which ends with us."""

    def __init__(self, *properties: str) -> None:
        self._process = None
        self.bootstrap = os.environ.get("SIDECOMMIT_TEST_BOOTSTRAP", "")
        if not self.bootstrap:
            self._process = subprocess.Popen(
                [FIXTURE, "run", *(word for line in properties for word in ("--property", line))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                text=True,
            )
            self.bootstrap = self._process.stdout.readline().strip()
        if not self.bootstrap:
            raise Failure("the broker does not start")

    def close(self) -> None:
        """Ends it if it is ours."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.terminate()
            self._process.wait()

    def create(self, topic: str, partitions: int) -> None:
        """Makes a topic."""
        self._fixture("create-topic", "--topic", topic, "--partitions", str(partitions))

    def delete(self, topic: str) -> None:
        """Deletes a topic."""
        self._fixture("delete-topic", "--topic", topic)

    def read(self, topic: str) -> list[Message]:
        """All that a read_committed reader sees of a topic, by Kafka's own console consumer."""
        properties = ["timestamp", "partition", "offset", "headers", "key", "value"]
        shown = [word for name in properties for word in ("--property", f"print.{name}=true")]
        output = self._fixture("console-consumer", "--topic", topic, "--timeout-ms", PATIENCE_MS, "--", *shown)
        return [message(line) for line in output.splitlines()]

    def _fixture(self, command: str, *arguments: str) -> str:
        line = [FIXTURE, command, "--bootstrap", self.bootstrap, *arguments]
        done = subprocess.run(line, env=environment(), capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"{command} {' '.join(arguments)}: {done.stderr}")
        return done.stdout


def message(line: str) -> Message:
    """A line of the console consumer; keys and headers have no tabs, headers no commas."""
    time, partition, offset, headers, key, value = line.split("\t")
    pairs = [] if headers == "NO_HEADERS" else [pair.split(":", 1) for pair in headers.split(",")]
    numbers = [int(text.split(":")[1]) for text in (time, partition, offset)]
    return Message(*numbers, headers=dict(pairs), key=key, value=value)
