"""What `make bench` measures the sidecar against: confluent-kafka. ../README.md is the contract of the command line."""

import os
import sys

import options
import pipeline
import pool


def main():
    given = options.parse()
    try:
        print((pipeline if given.pipeline else pool).run(given), flush=True)
    except Exception as error:  # noqa: BLE001  whatever it is, it is told and ends the run
        print(f"python: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        # Not by sys.exit: other threads still use their producers, and Python would wait for them.
        os._exit(1)


if __name__ == "__main__":
    main()
