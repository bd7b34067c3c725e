"""The command line that all contenders of `make bench` have in common."""

import argparse


def parse(args=None):
    parser = argparse.ArgumentParser(prog="python", allow_abbrev=False)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--kind", choices=["transactional", "idempotent", "plain"], default="transactional")
    parser.add_argument("--producers", type=int, default=1)
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--records", type=int, default=1)
    parser.add_argument("--record-size", type=int, default=1000)
    parser.add_argument("--warmup", type=float, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--pipeline", action="store_true")
    parser.add_argument("--input")
    parser.add_argument("--group")
    options = parser.parse_args(args)
    if not 1 <= options.producers <= options.callers or options.records < 1:
        parser.error("want callers >= producers >= 1 and records >= 1")
    if options.pipeline and not (options.input and options.group):
        parser.error("a pipeline wants --input and --group")
    return options
