"""Payments that are charged at an HTTP API."""

from __future__ import annotations

import json
from collections import Counter

from ..judge import Run
from ..scene import BUILT
from ..strikes import Kind
from ..stub import Api
from .pattern import Pattern

CUSTOMERS = 20
AWAY = 0.3  # seconds


class HttpApi(Pattern):
    """Each payment is charged once, and its one receipt has that charge."""

    name = "http-api"
    kinds = (Kind.APPLICATION, Kind.SIDECAR, Kind.JOURNAL, Kind.POD, Kind.SERVER)
    database = False

    def prepare(self) -> None:
        self.api = Api(self.scene.seed)
        self.api.start()
        topic, self.receipts = self.scene.topic("payments"), self.scene.topic("receipts")
        numbers = range(self.scene.inputs)
        self.scene.fill(topic, ((f"customer-{n % CUSTOMERS}", {"payment": payment(n), "cents": n}) for n in numbers))
        self.group = topic
        self.application = self.scene.program(
            "application",
            ["node", BUILT / self.name / "dist/main.js"],
            TOPIC=topic,
            GROUP_ID=self.group,
            RECEIPTS_TOPIC=self.receipts,
            API_URL=f"http://127.0.0.1:{self.api.port}/charges",
        )

    def effects(self) -> int:
        return self.api.effects.total()

    def again(self) -> int:
        return self.api.repeats

    def outage(self) -> None:
        self.api.outage(AWAY)

    def collect(self, run: Run) -> None:
        run.suppressed = self.api.repeats
        payments = [payment(n) for n in range(run.inputs)]
        run.count(payments, self.api.effects)
        receipts = [json.loads(message.value) for message in self.scene.broker.read(self.receipts)]
        run.count(payments, Counter(receipt["payment"] for receipt in receipts))
        charges = self.api.charges()
        if any(charges.get(receipt["payment"]) != receipt["charge"] for receipt in receipts):
            run.complaints.append("a receipt has another charge than its payment")


def payment(n: int) -> str:
    """Its name."""
    return f"payment-{n}"
