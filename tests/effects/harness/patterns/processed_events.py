"""Payments that are added to accounts."""

from __future__ import annotations

from collections import Counter

from ..judge import Run
from ..scene import BUILT, EXAMPLES
from ..strikes import Kind
from .pattern import Pattern, marked

# Each change of a balance, whoever made it: payments have amounts of their own.
AUDIT = """
CREATE TABLE audit (amount bigint);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO audit VALUES (NEW.balance - COALESCE(OLD.balance, 0)); RETURN NULL; END';
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION audit();
"""
ACCOUNTS = 20


class ProcessedEvents(Pattern):
    """The amounts 1 to N: each is added once, so what an account has is known."""

    name = "processed-events"
    kinds = (Kind.APPLICATION, Kind.SIDECAR, Kind.JOURNAL, Kind.POD, Kind.DATABASE)

    def prepare(self) -> None:
        self.scene.schema(self.name, AUDIT)
        topic = self.scene.topic("payments")
        amounts = range(1, self.scene.inputs + 1)
        self.scene.fill(topic, ((account(n), {"account": account(n), "amount": n}) for n in amounts))
        self.group = topic
        command = [BUILT / self.name / "venv/bin/python", "-u", EXAMPLES / self.name / "processed_events.py"]
        self.application = self.scene.program("application", command, TOPIC=topic, GROUP_ID=self.group)

    def effects(self) -> int:
        return self.scene.database.number("SELECT count(*) FROM audit")

    def again(self) -> int:
        return len(marked(self.application, "applied before: "))

    def collect(self, run: Run) -> None:
        database = self.scene.database
        run.suppressed = self.again()
        amounts = range(1, run.inputs + 1)
        run.count(amounts, Counter(int(row[0]) for row in database.query("SELECT amount FROM audit")))
        balances = {row[0]: int(row[1]) for row in database.query("SELECT account, balance FROM accounts")}
        sums: Counter[str] = Counter()
        for n in amounts:
            sums[account(n)] += n
        if balances != sums:
            run.complaints.append("a balance is not the sum of its payments")
        if (processed := database.number("SELECT count(*) FROM processed_events")) != run.inputs:
            run.complaints.append(f"{processed} of {run.inputs} records are marked as processed")


def account(n: int) -> str:
    """Whose the amount is."""
    return f"account-{n % ACCOUNTS}"
