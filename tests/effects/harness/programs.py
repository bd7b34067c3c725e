"""Child processes: started, killed by their id, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence


class Failure(Exception):
    """The run cannot go on."""


def until(what: str, done: Callable[[], bool], seconds: float = 60, every: float = 0.01) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Failure(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


class Program:
    """One program, over all its lives; `lines` is what it has said, on whichever output."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], **options: object) -> None:
        self.name = name
        self.environment = dict(environment)
        self.lines: list[str] = []
        self._command = list(command)
        self._options = options
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Begins a life."""
        self._process = subprocess.Popen(
            self._command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self._options,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Tells it something; nothing if it is gone already."""
        if self.alive():
            self._process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        """Waits for the end of this life; its exit code."""
        code = self._process.wait(seconds)
        self._reader.join(seconds)
        return code

    def kill(self) -> None:
        """SIGKILL, and waits for the end. The next life is begun with `start`."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self.wait()

    def end(self) -> int:
        """SIGTERM, and waits for the end; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def check_alive(self) -> None:
        """Raises what it said last if it ended by itself."""
        if not self.alive():
            raise Failure(f"{self.name} ended with {self._process.wait()}:\n{self.last_words()}")

    def last_words(self) -> str:
        """The last lines that it said."""
        return "\n".join(self.lines[-40:])

    def _read(self, output) -> None:
        for line in output:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))


def environment(**more: str) -> dict[str, str]:
    """The variables of this process, without those that the sidecar and its clients would take for theirs."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SIDECOMMIT_", "PG"))}
    # Some of the libraries would ask an HTTP proxy for 127.0.0.1.
    return {**ours, "no_proxy": "127.0.0.1,localhost", **more}
