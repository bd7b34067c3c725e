"""
Compares what the contenders printed with what Kafka's own console consumer saw; tests/bench/check has the files. A line per contender and
case, then `N passed, N failed`.
"""

import json
import pathlib
import re
import sys

# What check gave each kind's records.
SIZES = {"transactional": 100, "idempotent": 101, "plain": 102}
FIGURES = ["transactions", "records", "seconds", "p50_ms", "p99_ms", "max_ms"]
# How long check measures: the first to the last a transaction takes more.
SECONDS = {"transactional": 2, "idempotent": 0.3, "plain": 0.3, "pipeline": 1}
RECORD = re.compile(rb"^Partition:(\d+)\tOffset:\d+\tnull\t", re.MULTILINE)


def seen(file):
    """The values in each partition, in order. They have line ends in them."""
    parts = RECORD.split(file.read_bytes())
    values = {}
    for partition, value in zip(parts[1::2], parts[2::2]):
        values.setdefault(int(partition), []).append(value.removesuffix(b"\n"))
    return values


def figures(run, case):
    assert run("code") == "0\n", f"exit code {run('code').strip()}: {run('err').strip()[-300:]}"
    lines = run("out").splitlines()
    assert len(lines) == 2 and lines[0] == "measuring", f"printed {lines}"
    said = json.loads(lines[1])
    assert list(said) == FIGURES, f"has {list(said)}"
    assert said["transactions"] > 0, said
    assert 0 < said["seconds"] < SECONDS[case] + 5, said
    assert 0 < said["p50_ms"] <= said["p99_ms"] <= said["max_ms"], said
    return said


def producing(run, case, written):
    said = figures(run, case)
    assert said["records"] == said["transactions"], said
    visible = [value for values in written.values() for value in values if len(value) == SIZES[case]]
    assert len(visible) >= said["records"], f"only {len(visible)} of {said['records']} records can be read"
    assert len(set(visible)) > 1, "all records are alike"
    return said


def pipeline(run, written, copied):
    said = figures(run, "pipeline")
    assert said["transactions"] < said["records"] <= 10 * said["transactions"], said
    copies = sum(map(len, copied.values()))
    assert copies >= said["records"], f"only {copies} of {said['records']} copies can be read"
    for partition, values in copied.items():
        originals = [value.upper() for value in written[partition][: len(values)]]
        assert values == originals, f"partition {partition} is no copy of its input's beginning"
    return said


def usage(run):
    assert run("code") != "0\n", "a wrong command line is taken"
    assert run("err") and not run("out"), "does not say on standard error what is wrong"
    return "refused"


def rows(folder, contender):
    written, copied = (seen(folder / f"{contender}.{topic}") for topic in ("written", "copied"))

    def run(case):
        return lambda kind: (folder / f"{contender}-{case}.{kind}").read_text(errors="replace")

    for case in SIZES:
        yield case, lambda case=case: producing(run(case), case, written)
    yield "pipeline", lambda: pipeline(run("pipeline"), written, copied)
    yield "usage", lambda: usage(run("usage"))


def main(folder, contenders):
    counts = {True: 0, False: 0}
    for contender in contenders:
        for case, judge in rows(pathlib.Path(folder), contender):
            try:
                passed, evidence = True, judge()
            except (AssertionError, ValueError, LookupError) as error:
                passed, evidence = False, error
            counts[passed] += 1
            print(f"{'passed' if passed else 'FAILED'}  {contender:13} {case:14} {evidence}")
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
