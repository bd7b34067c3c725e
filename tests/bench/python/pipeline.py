"""Topic to topic, exactly once: one consumer and one transactional producer. What is there when it is polled is a transaction."""

import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer

import settings
import window

PATIENCE = 60
# Input that is there comes sooner.
INPUT_PATIENCE = 3


class Pipeline:
    def __init__(self, options):
        self._options = options
        self._producer = Producer(settings.producer(options, f"bench-python-{uuid.uuid4()}"))
        self._producer.init_transactions(PATIENCE)
        self._consumer = Consumer(settings.consumer(options))
        self._consumer.subscribe([options.input])

    def poll(self, patience):
        """What is there; nothing only if nothing came for so long. One call for all would wait until there are as many."""
        records = self._consumer.consume(1, patience)
        if records and self._options.records > 1:
            records += self._consumer.consume(self._options.records - 1, 0)
        for record in records:
            if record.error():
                raise KafkaException(record.error())
        return records

    def copy(self, records):
        self._producer.begin_transaction()
        for record in records:
            # bytes.upper() is ASCII's.
            self._producer.produce(
                self._options.topic, record.value().upper(), record.key(), partition=record.partition()
            )
        # Before the offsets are sent: they back off longer if the last transaction is still being completed.
        if self._producer.flush(PATIENCE):
            raise TimeoutError("records were not acknowledged in time")
        offsets = self._consumer.position(self._consumer.assignment())
        self._producer.send_offsets_to_transaction(offsets, self._consumer.consumer_group_metadata(), PATIENCE)
        self._producer.commit_transaction(PATIENCE)

    def work(self, measure):
        """Until the window is over, or the input is."""
        while True:
            records = self.poll(INPUT_PATIENCE)
            began = time.perf_counter()
            if measure.is_over_at(began):
                return
            if not records:
                print("python: the input ended before the window did", file=sys.stderr)
                return
            self.copy(records)
            measure.count(began, began, len(records))


def run(options):
    pipeline = Pipeline(options)
    # Joining the group is not what is measured, and so not even part of the warm-up.
    first = pipeline.poll(PATIENCE)
    if not first:
        raise RuntimeError("nothing to copy")
    pipeline.copy(first)
    measure = window.Window(options)
    return window.measured(measure, [lambda: pipeline.work(measure)])
