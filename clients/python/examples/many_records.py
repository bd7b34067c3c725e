"""One transaction with many records. Usage: many_records.py TOPIC COUNT"""

import sys

import sidecommit

topic, count = sys.argv[1], int(sys.argv[2])
with sidecommit.connect() as client:
    with client.transaction(label="many records", timeout=300) as transaction:
        for number in range(count):
            # Waits by itself while too much is on its way.
            transaction.produce(topic, sidecommit.json({"number": number}), b"%d" % number)
    assert transaction.committed is not None
    for part in transaction.committed.ranges:
        print(f"{part.topic}-{part.partition}: {part.count} records, offsets {part.first_offset} to {part.last_offset}")
