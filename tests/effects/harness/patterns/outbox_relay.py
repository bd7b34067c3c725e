"""Orders that are placed in a database and sent to Kafka by a relay."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

from ..judge import Run
from ..kafka import Message
from ..programs import Program
from ..scene import BUILT, EXAMPLES
from ..sidecar import Sidecar
from ..strikes import Kind
from .pattern import Pattern, marked

AGAIN = " tried again: "


class OutboxRelay(Pattern):
    """Each order is in the topic once, those of a customer in order."""

    name = "outbox-relay"
    kinds = (Kind.APPLICATION, Kind.SIDECAR, Kind.JOURNAL, Kind.POD, Kind.DATABASE, Kind.MOVE, Kind.GIVEN_UP)
    sidecars = 2

    def prepare(self) -> None:
        self.scene.schema(self.name, "")
        self.topic = self.scene.topic("orders")
        self.orders = self._program("orders", "PlaceOrders", str(self.scene.inputs))
        self.relays = [self._program("application", "Relay")]

    def effects(self) -> int:
        return self.scene.database.number("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL")

    def again(self) -> int:
        return sum(len(marked(relay, AGAIN)) for relay in self.relays)

    def start(self) -> None:
        self.orders.start()
        self.relays[0].start()

    def tend(self) -> None:
        for relay in self.relays:
            relay.check_alive()
        # It ends when the database goes away, and places what is missing when it is started again.
        if not self.orders.alive() and self.orders.wait():
            self.orders.start()

    def kill(self) -> None:
        self.relays[0].kill()

    def move(self) -> None:
        self.kill()
        self.relays[0].environment["SIDECOMMIT_ADDRESS"] = self._sidecars()[1].address
        self.relays[0].start()

    def give_up(self) -> None:
        """As README.md says."""
        lost = self._sidecars()[0]
        self.kill()
        lost.kill(journal=True)
        lost.settle()
        sent = [message.headers["outbox-id"] for message in self.scene.broker.read(self.topic)]
        script = (EXAMPLES / self.name / "give-up.sql").read_text()
        self.scene.database.run(script, slot=lost.slot, sent=f"{{{','.join(sent)}}}")
        self.move()
        # Another pod, which happens to get the slot.
        lost.start()

    def finish(self) -> None:
        """What was tried with a slot is finished with it: now both have a relay."""
        second = self._program("second", "Relay")
        second.environment["SIDECOMMIT_ADDRESS"] = self._sidecars()[1].address
        self.relays.append(second)
        second.start()

    def settle(self) -> None:
        """Nothing: what is marked as sent was answered, and is tried by nobody."""

    def collect(self, run: Run) -> None:
        messages = self.scene.broker.read(self.topic)
        orders = range(1, run.inputs + 1)
        run.count(orders, Counter(json.loads(message.value)["order"] for message in messages))
        run.suppressed = self._suppressed(messages)
        last: Counter[str] = Counter()
        for message in messages:
            order = json.loads(message.value)["order"]
            if last[message.key] > order:
                run.complaints.append(f"order {order} of {message.key} is behind {last[message.key]}")
            last[message.key] = order
        slots = self.scene.database.query("SELECT slot, count(*) FROM outbox GROUP BY slot ORDER BY slot")
        if len(slots) != len(self.scene.sidecars):
            run.complaints.append(f"proves nothing: all was sent by one slot: {slots}")

    def _sidecars(self) -> list[Sidecar]:
        """The relay's, and the other one."""
        here = self.relays[0].environment["SIDECOMMIT_ADDRESS"]
        return sorted(self.scene.sidecars, key=lambda sidecar: sidecar.address != here)

    def _program(self, name: str, main: str, *arguments: str) -> Program:
        path = f"{BUILT / self.name}/classes:{BUILT / self.name}/lib/*"
        address = self.scene.database.url.removeprefix("postgresql://effects@")
        command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path, f"example.{main}", *arguments]
        return self.scene.program(
            name, command, TOPIC=self.topic, DATABASE_URL=f"jdbc:postgresql://{address}?user=effects"
        )

    def _suppressed(self, messages: list[Message]) -> int:
        """Tries of what was in Kafka already, or on its way: its record was made before."""
        made = {message.headers["outbox-id"]: message.timestamp_ms for message in messages}
        tries = [line.split(AGAIN) for relay in self.relays for line in list(relay.lines) if AGAIN in line]
        return sum(made.get(row, 0) < milliseconds(time) for time, row in tries if row in made)


def milliseconds(time: str) -> int:
    """Since the epoch."""
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)
