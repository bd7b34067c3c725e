"""An HTTP API that takes an Idempotency-Key, as payment services do: one effect a key.

A repeat gets the first answer. It counts, and it is unkind: of the requests some are answered with 500 or not at all,
most of those after the effect.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Of 1000 requests so many: cut after the effect, 500 after the effect, cut before it.
CUT_AFTER, ERROR_AFTER, CUT_BEFORE = 10, 5, 5


class Api:
    """What it has done, over all lives of its server."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self._answers: dict[str, dict] = {}
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.effects: Counter[str] = Counter()  # by the payment that was charged
        self.requests = 0
        self.repeats = 0  # requests with a known key: answered, and no effect
        self.faults: Counter[str] = Counter()

    def start(self) -> None:
        """Serves, always at the same port."""
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Listens no more, and cuts whoever is connected."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            for connection in self._connections:
                cut(connection)

    def outage(self, seconds: float) -> None:
        """Is away for a moment."""
        self.stop()
        time.sleep(seconds)
        self.start()

    def connected(self, connection: socket.socket) -> None:
        """Somebody came."""
        with self._lock:
            self._connections.add(connection)

    def left(self, connection: socket.socket) -> None:
        """Somebody went."""
        with self._lock:
            self._connections.discard(connection)

    def charge(self, key: str, body: bytes) -> tuple[str, dict]:
        """The effect, once a key; with the fault that this request is to meet."""
        with self._lock:
            self.requests += 1
            dice = self._draw.randrange(1000)
            fault = next((name for end, name in _FAULTS if dice < end), "")
            self.faults[fault] += bool(fault)
            if fault == "cut before":
                return fault, {}
            if key in self._answers:
                self.repeats += 1
            else:
                payment = json.loads(body)["payment"]
                self.effects[payment] += 1
                self._answers[key] = {"charge": f"ch_{len(self._answers) + 1}", "payment": payment}
            return fault, self._answers[key]

    def charges(self) -> dict[str, str]:
        """Which charge each payment has."""
        return {answer["payment"]: answer["charge"] for answer in self._answers.values()}


_FAULTS = (
    (CUT_AFTER, "cut after"),
    (CUT_AFTER + ERROR_AFTER, "error after"),
    (CUT_AFTER + ERROR_AFTER + CUT_BEFORE, "cut before"),
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], api: Api) -> None:
        super().__init__(address, _Handler)
        self.api = api

    def process_request(self, request: socket.socket, client_address: object) -> None:
        self.api.connected(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self.api.left(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket.socket, client_address: object) -> None:
        """A connection that was cut, by us or by who was killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault, answer = self.server.api.charge(self.headers["Idempotency-Key"], body)
        if fault.startswith("cut"):
            self.close_connection = True
            cut(self.connection)
            return
        text = json.dumps(answer).encode()
        self.send_response(500 if fault else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def cut(connection: socket.socket) -> None:
    """Ends a connection under whoever uses it."""
    # The other side may have been faster.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
