"""The synchronous client."""

from __future__ import annotations

import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor

import sidecommit
from window import BULK_RECORDS, CALLERS, SMALL_BYTES, Settings, Window, bulk_values, values


def bulk(settings: Settings) -> Window:
    records = bulk_values()

    def transaction() -> None:
        with client.transaction() as transaction:
            for value in records:
                transaction.produce(settings.topic, value)

    with sidecommit.connect() as client:
        transaction()
        window = Window(settings, BULK_RECORDS)
        while window.open():
            transaction()
            window.committed()
    return window


def small(settings: Settings) -> Window:
    some = itertools.cycle(values(SMALL_BYTES))

    def transaction() -> None:
        client.transact([sidecommit.Record(settings.topic, next(some))], str(uuid.uuid4()))

    def caller(_: int) -> None:
        while window.open():
            transaction()
            window.committed()

    with sidecommit.connect() as client, ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(lambda _: transaction(), range(CALLERS)))
        window = Window(settings, 1)
        list(callers.map(caller, range(CALLERS)))
    return window
