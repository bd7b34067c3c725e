"""The command line of bench/run. The last line is what was committed in the window, as JSON."""

from __future__ import annotations

import argparse
import json
import os

import native
import through_aio
import through_sync
from window import Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run", allow_abbrev=False)
    parser.add_argument("contender", choices=["sidecommit", "native"])
    parser.add_argument("kind", choices=["bulk", "small"])
    parser.add_argument("--topic", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    contender = native
    if options.contender == "sidecommit":
        contender = through_aio if os.environ.get("SIDECOMMIT_CLIENT_FLAVOUR") == "aio" else through_sync
    run = contender.bulk if options.kind == "bulk" else contender.small
    print(json.dumps(run(Settings(options.topic, options.seconds)).result()))


main()
