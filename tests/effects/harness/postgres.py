"""A PostgreSQL of its own: made by initdb in a temporary folder, on a port of 127.0.0.1, ended by its id."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from .programs import Failure, Program, environment, until

# Durable enough for what is done here: the machine stays up, only processes are killed.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "unix_socket_directories": "",
    "log_min_messages": "warning",
}


class Gone(Exception):
    """The database does not answer."""


def binaries() -> Path:
    """Where initdb and postgres are: on the PATH, or where Debian keeps them, the newest."""
    found = shutil.which("initdb")
    if found:
        return Path(os.path.realpath(found)).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not versions:
        raise Failure("no initdb: install PostgreSQL's server (Debian: postgresql)")
    return versions[-1].parent


def other_user() -> dict[str, object]:
    """Who runs it: postgres refuses root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise Failure("neither a user postgres nor nobody, and postgres refuses root")


def free_port() -> int:
    """A port that nobody uses, below those that the system gives to clients."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Postgres:
    """One cluster; `url` is its address, the same through restarts."""

    def __init__(self, folder: Path) -> None:
        self._bin = binaries()
        self._user = other_user()
        home = folder / "postgres"
        home.mkdir(mode=0o700)
        if self._user:
            os.chown(home, self._user["user"], self._user["group"])
        data = home / "data"
        initdb = [self._bin / "initdb", "--pgdata", data, "--auth", "trust", "--username", "effects", "--no-sync"]
        done = subprocess.run(
            [*initdb, "--encoding", "UTF8", "--no-locale"],
            cwd=home,
            env=environment(),
            capture_output=True,
            **self._user,
        )
        if done.returncode:
            raise Failure(f"initdb: {done.stderr.decode(errors='replace')}")
        self._port = free_port()
        self.url = f"postgresql://effects@127.0.0.1:{self._port}/postgres"
        command = [self._bin / "postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-p", self._port]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        self._program = Program("postgres", list(map(str, command)), environment(), cwd=home, **self._user)
        self._session: subprocess.Popen | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""

        def answers() -> bool:
            # What a killed one left may hold its shared memory for a moment; postgres refuses to start meanwhile.
            if not self._program.alive():
                self._program.start()
            try:
                return self.query("SELECT 1") == [["1"]]
            except Gone:
                return False

        until("the database answers", answers, every=0.05)

    def strike(self, gently: bool) -> None:
        """An immediate stop, or SIGKILL of the postmaster."""
        self._program.signal(signal.SIGQUIT if gently else signal.SIGKILL)
        self._program.wait()

    def stop(self) -> None:
        """Ends it, whoever is connected."""
        self._close()
        self._program.signal(signal.SIGINT)
        if self._program.alive():
            self._program.wait()

    def query(self, sql: str) -> list[list[str]]:
        """The rows of a query, as text. The connection is kept; Gone if it broke, or the query is wrong."""
        if self._session is None:
            psql = [self._bin / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", self.url]
            self._session = subprocess.Popen(
                psql,
                env=environment(PGCONNECT_TIMEOUT="5"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        rows = []
        try:
            self._session.stdin.write(f"{sql};\n\\echo end of rows\n")
            self._session.stdin.flush()
            for line in self._session.stdout:
                if line == "end of rows\n":
                    return rows
                rows.append(line.rstrip("\n").split("\t"))
        except OSError:
            pass
        self._close()
        raise Gone(sql)

    def number(self, sql: str) -> int:
        """The one number that a query tells."""
        return int(self.query(sql)[0][0])

    def run(self, script: str, **variables: str) -> None:
        """Runs a script of psql with its variables; raises what is wrong with it."""
        given = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
        psql = [self._bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *given, self.url]
        done = subprocess.run(psql, input=script, env=environment(), capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"psql: {done.stderr}")

    def _close(self) -> None:
        if self._session is not None:
            self._session.kill()
            self._session.communicate()
            self._session = None
