"""Compares what the stub programs were told with what a read_committed reader sees: judge.py FOLDER SLOT LANGUAGE..."""

import json
import pathlib
import re
import sys

folder, slot, languages = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
verdicts = []
# Of a broker with one node.
ALLOWED = ["replication"]


def row(name, expected, found):
    verdicts.append(expected == found)
    print(f"ok    {name}" if expected == found else f"FAIL  {name}: want {expected}, have {found}")


def told():
    """What each program printed, by (language, transport)."""
    lines = [line for name in languages for line in (folder / f"{name}.json").read_text().splitlines()]
    return {(line["language"], line["transport"]): line for line in map(json.loads, lines)}


def visible():
    """What the console consumer printed: (partition, offset) to (headers, key, value)."""
    found = {}
    for line in (folder / "visible").read_text().splitlines():
        partition, offset, headers, key, value = line.split("\t")
        place = int(partition.removeprefix("Partition:")), int(offset.removeprefix("Offset:"))
        assert place not in found, f"{place} was printed twice"
        found[place] = (headers, key, value)
    return found


def expected_records(tag):
    return sorted([
        ("NO_HEADERS", f"{tag}/tombstone", "ABSENT"),
        (f"tag:{tag},empty:,null:ABSENT", f"{tag}/headers", "value"),
        ("NO_HEADERS", "", f"{tag}/empty-key"),
    ])


def ranges_of(places):
    """What a Commit's reply has to say of records at these places."""
    offsets = {}
    for partition, offset in sorted(places):
        offsets.setdefault(partition, []).append(offset)
    return [
        {"partition": partition, "first_offset": found[0], "last_offset": found[-1], "count": len(found)}
        for partition, found in offsets.items()
    ]


def unexpected():
    """Lines of the sidecar's log that are worse than information, or no log at all, such as a panic's."""
    lines = (folder / "sidecar.log").read_text().splitlines()
    harmless = ('"level":"INFO"', '"level":"DEBUG"')
    return [line for line in lines if not any(level in line for level in harmless) and not any(a in line for a in ALLOWED)]


REFUSED = {
    "code": "failedprecondition",
    "domain": "sidecommit",
    "reason": "INCOMPLETE",
    "next_action": "NEXT_ACTION_RETRY_SAME",
    "next_sequence": 3,
}

told, visible = told(), visible()
for language in languages:
    for transport in ["unix", "tcp"]:
        tag, line = f"{language}/{transport}", told.get((language, transport), {})
        row(f"{tag}: the transaction is committed", (True, slot), (line.get("committed"), line.get("identity")))
        refused = dict(line.get("refused") or {})
        # Each library spells the codes its own way.
        refused["code"] = refused.get("code", "").replace("_", "").lower()
        row(f"{tag}: a wrong count is refused and says what to do", REFUSED, refused)
        row(f"{tag}: a repeated Commit gets the same reply", True, line.get("repeat_equal"))
        records = {place: record for place, record in visible.items() if any(tag in part for part in record)}
        row(f"{tag}: its records are visible once, unchanged", expected_records(tag), sorted(records.values()))
        row(f"{tag}: they are where the reply says", ranges_of(records), line.get("ranges"))

for language in languages:
    tag, line = f"{language}/copy", told.get((language, "copy"), {})
    delivered = {"offsets": [0, 1, 2], "attempts": [1, 1, 1], "again": []}
    row(f"{tag}: it reads its topic once, and as the next member nothing", delivered, {k: line.get(k) for k in delivered})
    named = [bool(re.fullmatch(rf"[\w-]{{22}}/[\w-]{{22}}/0/{n}", key)) for n, key in enumerate(line.get("keys", []))]
    row(f"{tag}: each record has a key", [True] * 3, named)
    records = [record for record in visible.values() if any(tag in part for part in record)]
    row(f"{tag}: what it read is written once, unchanged", expected_records(tag), sorted(records))

row("nothing else is visible", 3 * 3 * len(languages), len(visible))
row("the sidecar drained and exited with 0", "0", (folder / "sidecar.exit").read_text().strip())
row("the sidecar's log has nothing unexpected", [], unexpected())
failed = verdicts.count(False)
print(f"{len(verdicts) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
