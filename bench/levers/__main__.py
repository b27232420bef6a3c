"""`python -m bench.levers`: the article's loop with the levers off, on, and one by one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.levers.plan import Figures, Plan
from bench.levers.report import json_line, table
from bench.levers.session import Failed, calibrated_opening_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0, 1 when a session did not do its work or a goal is not met."""
    args = _parser().parse_args(arguments)
    try:
        figures = asyncio.run(_measure(args.jobs, args.repeat, args.never_slower))
    except Failed as failure:
        print(f"bench.levers: {failure}", file=sys.stderr)
        return 1
    if args.keep:
        Path(args.keep).write_bytes(msgspec.json.encode(figures))
    print(json_line(figures) if args.json else table(figures))
    return 0


async def _measure(jobs: int, repeat: int, never_slower: bool) -> Figures:
    opening_s = await calibrated_opening_s()
    plan = Plan(opening_s, jobs=jobs, repeat=repeat, never_slower=never_slower)
    return await plan.measure(lambda text: print(text, file=sys.stderr, flush=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.levers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument("--jobs", type=int, default=4, help="sessions at the same time")
    parser.add_argument("--repeat", type=int, default=1, help="sessions per figure; their median")
    parser.add_argument(
        "--never-slower",
        action="store_true",
        help="also each lever alone on the profiles slow and tracelab",
    )
    parser.add_argument("--keep", metavar="FILE", help="write all figures there as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
