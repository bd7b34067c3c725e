"""Writes the records of standard input to a topic, in one transaction: a line is a JSON list of key and value."""

import json
import sys

import sidecommit


def main() -> None:
    (topic,) = sys.argv[1:]
    with sidecommit.connect() as client:

        def work(transaction: sidecommit.Transaction) -> None:
            for key, value in map(json.loads, records):
                transaction.produce(topic, json.dumps(value).encode(), key=key.encode())

        records = sys.stdin.readlines()
        client.run(work)


if __name__ == "__main__":
    main()
