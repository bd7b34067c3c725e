"""The time that is measured, and what was seen in it."""

import json
import math
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait


class Window:
    def __init__(self, options):
        """Begins when the warm-up is over."""
        self.start = time.perf_counter() + options.warmup
        self.end = self.start + options.seconds
        # Of each: (latency, records, end). Appending is atomic.
        self._samples = []

    def is_over_at(self, moment):
        return moment >= self.end

    def count(self, asked, began, records):
        """A transaction that just ended; it counts if it began within the window. Its latency is from when its caller asked for it."""
        ended = time.perf_counter()
        if self.start <= began < self.end:
            self._samples.append((ended - asked, records, ended))

    def json(self):
        if not self._samples:
            raise RuntimeError("no transaction began within the window")
        latencies = sorted(latency for latency, _, _ in self._samples)

        def quantile(part):
            """By nearest rank, in ms."""
            return round(1e3 * latencies[math.ceil(part * len(latencies)) - 1], 3)

        return json.dumps(
            {
                "transactions": len(latencies),
                "records": sum(records for _, records, _ in self._samples),
                "seconds": round(max(ended for _, _, ended in self._samples) - self.start, 6),
                "p50_ms": quantile(0.5),
                "p99_ms": quantile(0.99),
                "max_ms": quantile(1),
            }
        )


def on_threads(works):
    """Runs each on a thread of its own."""
    threads = ThreadPoolExecutor(len(works))
    return [threads.submit(work) for work in works]


def wait_for(works):
    """For all, or for the first failure."""
    for work in as_completed(works):
        work.result()


def measured(window, works):
    """Says when the warm-up is over; then what was measured."""
    works = on_threads(works)
    ended, _ = wait(works, max(0, window.start - time.perf_counter()), FIRST_COMPLETED)
    if ended:
        wait_for(ended)
        raise RuntimeError("the work ended during the warm-up")
    print("measuring", flush=True)
    wait_for(works)
    return window.json()
