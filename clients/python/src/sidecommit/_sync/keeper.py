"""The thread that sends KeepAlive while transactions are open."""

from __future__ import annotations

import threading

from .._core.keepalive import Open, keep
from .channel import Channel


class Keeper:
    """Its thread ends when nothing is open any more."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._open = Open()
        self._running = False
        self._lock = threading.Lock()

    def add(self, transaction_id: str) -> None:
        """It was begun."""
        with self._lock:
            self._open.add(transaction_id)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="sidecommit-keepalive", daemon=True).start()

    def remove(self, transaction_id: str) -> None:
        """It is over."""
        with self._lock:
            self._open.remove(transaction_id)

    def _run(self) -> None:
        while True:
            try:
                self._channel.perform(keep(self._open))
            except RuntimeError:
                # The client is closed.
                return
            with self._lock:
                if not self._open:
                    self._running = False
                    return
