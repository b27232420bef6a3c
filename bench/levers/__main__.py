"""`python -m bench.levers`: the article's loop with the levers off, on, and one by one."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.levers.plan import Plan
from bench.levers.report import json_line, slower_table, table
from bench.levers.session import Failed, pace


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0, 1 when a session did not do its work."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--embedded" in words:
        from bench.levers import embedded

        return embedded.main([word for word in words if word != "--embedded"])
    args = _parser().parse_args(words)
    status = 0
    try:
        print(asyncio.run(_measure(args)))
    except* Failed as failures:
        print(f"bench.levers: {failures.exceptions[0]}", file=sys.stderr)
        status = 1
    except* asyncio.CancelledError:
        print("bench.levers: ended from outside", file=sys.stderr)
        status = 1
    return status


async def _measure(args: argparse.Namespace) -> str:
    task = asyncio.current_task()
    if task is not None:  # so that `kill` and `timeout` leave no server behind
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    plan = Plan(await pace(), jobs=args.jobs, repeat=args.repeat, say=_say)
    if args.never_slower:
        return slower_table(await plan.slower())
    figures = await plan.figures()
    if args.keep:
        await asyncio.to_thread(Path(args.keep).write_bytes, msgspec.json.encode(figures))
    return json_line(figures) if args.json else table(figures)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.levers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument("--jobs", type=int, default=4, help="sessions at the same time")
    parser.add_argument(
        "--repeat", type=int, default=1, help="sessions per figure; the quickest counts"
    )
    parser.add_argument(
        "--never-slower",
        action="store_true",
        help="instead: each lever alone on the profiles slow and tracelab",
    )
    parser.add_argument(
        "--embedded",
        action="store_true",
        help="instead: the embedded model on the task suite; see --embedded --help",
    )
    parser.add_argument("--keep", metavar="FILE", help="write all figures there as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
