"""Prices that are kept with their positions."""

from __future__ import annotations

from collections import Counter

from ..judge import Run
from ..scene import BUILT
from ..strikes import Kind
from .pattern import Pattern, marked

# Each change of a row, whoever made it, and each one back to an older record: inputs have prices of their own.
AUDIT = """
CREATE TABLE audit (cents bigint, back boolean);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO audit VALUES (NEW.cents, COALESCE(NEW.position < OLD.position, false)); RETURN NULL; END';
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON prices FOR EACH ROW EXECUTE FUNCTION audit();
"""
PRODUCTS = 20


class UpsertSink(Pattern):
    """The prices 1 to N: each changes its row once, and none is changed back."""

    name = "upsert-sink"
    kinds = (Kind.APPLICATION, Kind.SIDECAR, Kind.JOURNAL, Kind.POD, Kind.DATABASE)

    def prepare(self) -> None:
        self.scene.schema(self.name, AUDIT)
        topic = self.scene.topic("prices")
        self.scene.fill(topic, ((product(n), {"cents": n}) for n in range(1, self.scene.inputs + 1)))
        self.group = topic
        self.application = self.scene.program(
            "application", [BUILT / self.name / "upsert-sink"], TOPIC=topic, GROUP_ID=self.group
        )

    def effects(self) -> int:
        return self.scene.database.number("SELECT count(*) FROM audit")

    def again(self) -> int:
        return len(marked(self.application, "not newer: "))

    def collect(self, run: Run) -> None:
        database = self.scene.database
        run.suppressed = self.again()
        prices = range(1, run.inputs + 1)
        run.count(prices, Counter(int(row[0]) for row in database.query("SELECT cents FROM audit")))
        if back := database.number("SELECT count(*) FROM audit WHERE back"):
            run.complaints.append(f"{back} rows went back to an older price")
        known = {row[0]: int(row[1]) for row in database.query("SELECT product, cents FROM prices")}
        if known != {product(n): n for n in prices}:
            run.complaints.append("a price is not the last one")


def product(n: int) -> str:
    """Whose the price is."""
    return f"product-{n % PRODUCTS}"
