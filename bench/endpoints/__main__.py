"""`python -m bench.endpoints hedge|roles`: the levers that need several endpoints."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import msgspec

from bench.endpoints import hedge, roles
from bench.endpoints.processes import Failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON line. Returns 0, 1 when a session did not do its work."""
    parser = argparse.ArgumentParser(prog="python -m bench.endpoints", description=__doc__)
    parser.add_argument("lever", choices=("hedge", "roles"))
    parser.add_argument("--sessions", type=int, default=50, help="of hedge: sessions per figure")
    parser.add_argument("--jobs", type=int, default=8, help="of hedge: sessions at the same time")
    args = parser.parse_args(arguments)
    work = hedge.measure(args.sessions, args.jobs) if args.lever == "hedge" else roles.measure()
    status = 0
    try:
        print(msgspec.json.encode(asyncio.run(work)).decode())
    except* Failed as failures:
        print(f"bench.endpoints: {failures.exceptions[0]}", file=sys.stderr)
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
