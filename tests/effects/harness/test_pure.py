"""The parts without I/O: python3 -m unittest discover -s tests/effects -t tests/effects."""

import unittest
from collections import Counter

from .judge import Run, table
from .kafka import message
from .strikes import Kind, plan

KINDS = (Kind.APPLICATION, Kind.SIDECAR, Kind.DATABASE)


class Plan(unittest.TestCase):
    def test_a_seed_names_a_plan(self) -> None:
        self.assertEqual(plan(7, KINDS, 12, 1000), plan(7, KINDS, 12, 1000))
        self.assertNotEqual(plan(7, KINDS, 12, 1000), plan(8, KINDS, 12, 1000))

    def test_each_kind_has_its_turn_while_the_work_is_half_done(self) -> None:
        strikes = plan(1, KINDS, 12, 1000)
        self.assertEqual(Counter(strike.kind for strike in strikes), dict.fromkeys(KINDS, 4))
        self.assertTrue(all(0 < strike.effects <= 1000 // 12 for strike in strikes))


class Verdict(unittest.TestCase):
    def run_of(self, effects: Counter, **more: int) -> Run:
        run = Run("p", 3, in_work=1, suppressed=1)
        for name, value in more.items():
            setattr(run, name, value)
        run.count(range(3), effects)
        return run

    def test_each_once_passes(self) -> None:
        self.assertEqual(self.run_of(Counter([0, 1, 2])).verdict(), [])

    def test_what_is_missing_double_or_strange_fails(self) -> None:
        run = self.run_of(Counter([0, 0, 0, 1, 9]))
        self.assertEqual((run.missing, run.double), (1, 2))
        said = ["an effect of no input: 9", "1 of 3 inputs have no effect", "2 effects too many"]
        self.assertEqual(run.verdict(), said)

    def test_what_proves_nothing_fails(self) -> None:
        self.assertEqual(len(self.run_of(Counter([0, 1, 2]), in_work=0, suppressed=0).verdict()), 2)

    def test_the_table_has_a_row_for_each(self) -> None:
        rows = table([self.run_of(Counter([0, 1, 2])), self.run_of(Counter())]).splitlines()
        self.assertTrue(rows[1].endswith("passed") and rows[2].endswith("failed"))


class Lines(unittest.TestCase):
    def test_a_line_of_the_console_consumer_is_a_message(self) -> None:
        read = message("CreateTime:12\tPartition:3\tOffset:4\ta:b,c:d:e\tkey\t{}")
        self.assertEqual((read.timestamp_ms, read.partition, read.offset), (12, 3, 4))
        self.assertEqual((read.headers, read.key, read.value), ({"a": "b", "c": "d:e"}, "key", "{}"))
        self.assertEqual(message("CreateTime:12\tPartition:3\tOffset:4\tNO_HEADERS\tk\tv").headers, {})


if __name__ == "__main__":
    unittest.main()
