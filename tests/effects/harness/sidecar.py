"""A sidecar: killed, started again with or without its journal, always with the same slot."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from .programs import Failure, Program, environment, until

BINARY = Path("target/debug/sidecommit")


class Sidecar:
    """One slot's sidecar. `address` is for applications; `slot` names it."""

    def __init__(self, folder: Path, bootstrap: str, slot: str, binary: Path = BINARY) -> None:
        self.slot = slot
        self._binary = binary
        self._folder = folder / slot.replace("/", "-")
        self._folder.mkdir()
        self._admin = self._folder / "admin.sock"
        self.address = f"unix://{self._folder}/api.sock"
        # What all of its commands have to know.
        self._kafka = {
            "bootstrap-servers": bootstrap,
            "outcomes-replication-factor": 1,
            "outcomes-min-insync-replicas": 1,
        }
        settings = {
            "slot": slot,
            "journal-dir": self._folder / "journal",
            "socket": self._folder / "api.sock",
            "admin-socket": self._admin,
            # How soon a killed application counts as dead.
            "limits-session-grace": "500ms",
        }
        command = [self._binary, "serve", *flags(self._kafka | settings)]
        self._program = Program("sidecar", list(map(str, command)), environment())

    def start(self) -> None:
        """Starts it and waits until it serves."""
        self._program.start()
        until(f"{self.slot} serves", self._serves, every=0.05)

    def check_alive(self) -> None:
        """Raises if it ended by itself."""
        self._program.check_alive()

    def kill(self, journal: bool) -> None:
        """SIGKILL; `journal`: its journal is lost, too."""
        self._program.kill()
        if journal:
            shutil.rmtree(self._folder / "journal", ignore_errors=True)

    def settle(self) -> None:
        """Ends what its last life left open, from outside: `sidecommit settle --identity`."""
        prefix, identity = self.slot.split("/", 1)
        command = [self._binary, "settle", *flags(self._kafka | {"prefix": prefix, "identity": identity})]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"settle: {done.stdout}{done.stderr}")

    def settled(self, group: str) -> bool:
        """Whether a group has settled all that there is, and nothing is outstanding."""
        sessions = json.loads(self.groups("--json") or '{"sessions": []}')["sessions"]
        sessions = [one for one in sessions if one["group_id"] == group and one["connected"]]
        partitions = [partition for one in sessions for partition in one["partitions"]]
        # What was written in one transaction ends with its marker, which is an offset, too.
        return bool(partitions) and all(
            one["lag"] is not None and one["lag"] <= 1 and not one["outstanding_delivery_id"] for one in partitions
        )

    def groups(self, *options: str) -> str:
        """What is read through it; nothing if it does not answer."""
        command = [self._binary, "groups", "list", *options, "--admin-socket", self._admin]
        return subprocess.run(command, env=environment(), capture_output=True, text=True).stdout

    def last_words(self) -> str:
        """The end of its log."""
        return self._program.last_words()

    def _serves(self) -> bool:
        self.check_alive()
        asked = subprocess.run(
            [self._binary, "healthcheck", "--admin-socket", self._admin], env=environment(), capture_output=True
        )
        return asked.returncode == 0


def flags(settings: dict[str, object]) -> list[str]:
    """As the command line has them."""
    return [word for name, value in settings.items() for word in (f"--{name}", str(value))]
