"""The task that sends KeepAlive while transactions are open."""

from __future__ import annotations

import asyncio

from .._core.keepalive import Open, keep
from .channel import Channel


class Keeper:
    """Its task ends when nothing is open any more."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._open = Open()
        self._task: asyncio.Task[None] | None = None

    def add(self, transaction_id: str) -> None:
        """It was begun."""
        self._open.add(transaction_id)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="sidecommit-keepalive")

    def remove(self, transaction_id: str) -> None:
        """It is over."""
        self._open.remove(transaction_id)

    def close(self) -> None:
        """Nothing is kept any more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._channel.perform(keep(self._open))
        finally:
            self._task = None
