"""confluent-kafka, tuned as in tests/bench/python: for throughput in bulk, for latency with small transactions."""

from __future__ import annotations

import itertools
import os
import queue
import uuid
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Producer

from window import BULK_RECORDS, CALLERS, SMALL_BYTES, Settings, Window, bulk_values, values

PATIENCE = 60
PRODUCERS = 8


def _producer(settings: Settings) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": os.environ["BOOTSTRAP_SERVERS"],
            "transactional.id": f"bench-python-{uuid.uuid4()}",
            "acks": "all",
            # One record has nothing to wait for, and thousands fill batches by themselves.
            "linger.ms": 0,
            "retry.backoff.ms": 10,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.init_transactions(PATIENCE)
    producer.list_topics(settings.topic, PATIENCE)
    return producer


def bulk(settings: Settings) -> Window:
    producer = _producer(settings)
    records = bulk_values()

    def transaction() -> None:
        producer.begin_transaction()
        for value in records:
            producer.produce(settings.topic, value)
        producer.commit_transaction(PATIENCE)

    transaction()
    window = Window(settings, BULK_RECORDS)
    while window.open():
        transaction()
        window.committed()
    return window


def small(settings: Settings) -> Window:
    some = itertools.cycle(values(SMALL_BYTES))
    pool: queue.SimpleQueue[Producer] = queue.SimpleQueue()

    def transaction() -> None:
        producer = pool.get()
        producer.begin_transaction()
        producer.produce(settings.topic, next(some))
        producer.commit_transaction(PATIENCE)
        pool.put(producer)

    def caller(_: int) -> None:
        while window.open():
            transaction()
            window.committed()

    with ThreadPoolExecutor(CALLERS) as callers:
        for producer in callers.map(lambda _: _producer(settings), range(PRODUCERS)):
            pool.put(producer)
        list(callers.map(lambda _: transaction(), range(CALLERS)))
        window = Window(settings, 1)
        list(callers.map(caller, range(CALLERS)))
    return window
