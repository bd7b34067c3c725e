"""The asyncio client."""

from __future__ import annotations

import asyncio
import itertools
import uuid

from sidecommit import aio
from window import BULK_RECORDS, CALLERS, SMALL_BYTES, Settings, Window, bulk_values, values


def bulk(settings: Settings) -> Window:
    return asyncio.run(_bulk(settings))


def small(settings: Settings) -> Window:
    return asyncio.run(_small(settings))


async def _bulk(settings: Settings) -> Window:
    records = bulk_values()

    async def transaction() -> None:
        async with client.transaction() as transaction:
            for value in records:
                await transaction.produce(settings.topic, value)

    async with aio.connect() as client:
        await transaction()
        window = Window(settings, BULK_RECORDS)
        while window.open():
            await transaction()
            window.committed()
    return window


async def _small(settings: Settings) -> Window:
    some = itertools.cycle(values(SMALL_BYTES))

    async def transaction() -> None:
        await client.transact([aio.Record(settings.topic, next(some))], str(uuid.uuid4()))

    async def caller() -> None:
        while window.open():
            await transaction()
            window.committed()

    async with aio.connect() as client:
        await asyncio.gather(*(transaction() for _ in range(CALLERS)))
        window = Window(settings, 1)
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return window
