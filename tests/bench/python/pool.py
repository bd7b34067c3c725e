"""
Callers that share producers. Each producer has a thread: while librdkafka waits for Kafka it does not hold the GIL, and its own threads never
do. Two processes with half of the producers each were not faster for small transactions, and by less than a tenth in bulk.
"""

import itertools
import os
import queue
import time
import uuid

from confluent_kafka import KafkaException, Producer

import settings
import window

PATIENCE = 60
# So many different values.
VALUES = 64


class Worker:
    """A producer: makes the transactions that callers ask for, in the order in which they asked."""

    def __init__(self, options, transactional_id):
        self._options = options
        self._producer = Producer(settings.producer(options, transactional_id))
        self._values = itertools.cycle([os.urandom(options.record_size) for _ in range(VALUES)])
        self._failed = None
        self._transaction = self._transactional if options.kind == "transactional" else self._awaited

    def open(self):
        if self._options.kind == "transactional":
            self._producer.init_transactions(PATIENCE)
        # The first transaction does not wait for metadata either.
        self._producer.list_topics(self._options.topic, PATIENCE)

    def work(self, asked, measure):
        """
        Until the window is over. `asked` has, for each caller that waits, when it asked; it asks again as soon as its transaction is
        committed. There are at least as many callers as producers, so nobody waits for an entry of it.
        """
        while True:
            since = asked.get()
            began = time.perf_counter()
            if measure.is_over_at(began):
                return
            self._transaction()
            measure.count(since, began, self._options.records)
            asked.put(time.perf_counter())

    def _transactional(self):
        self._producer.begin_transaction()
        self._produce()
        # It flushes, and fails if one of the records did: no delivery report need reach Python.
        self._producer.commit_transaction(PATIENCE)

    def _awaited(self):
        self._produce(on_delivery=self._delivered)
        if self._producer.flush(PATIENCE):
            raise TimeoutError("records were not acknowledged in time")
        if self._failed:
            raise KafkaException(self._failed)

    def _produce(self, **more):
        topic, produce = self._options.topic, self._producer.produce
        for value in itertools.islice(self._values, self._options.records):
            produce(topic, value, **more)

    def _delivered(self, error, _):
        self._failed = self._failed or error


def run(options):
    name = f"bench-python-{uuid.uuid4()}"
    workers = [Worker(options, f"{name}-{i}") for i in range(options.producers)]
    window.wait_for(window.on_threads([worker.open for worker in workers]))
    measure = window.Window(options)
    asked = queue.SimpleQueue()
    for _ in range(options.callers):
        asked.put(time.perf_counter())
    return window.measured(measure, [lambda worker=worker: worker.work(asked, measure) for worker in workers])
