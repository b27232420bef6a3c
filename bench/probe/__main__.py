"""`python -m bench.probe`: plant random backends, probe them, and print how wrong the probe was."""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import msgspec

from bench.probe.client import measure_client
from bench.probe.planted import (
    DEFECTS,
    Check,
    checks,
    named_defects,
    planted_defects,
    random_profile,
)
from bench.probe.served import served
from hotloop.probe.api import probe
from hotloop.probe.result import Result
from hotloop.probe.settings import Settings
from hotloop.sim.profile import Profile

WITHIN = 0.05


class Found(msgspec.Struct, kw_only=True):
    """One backend that was probed."""

    profile: Profile
    result: Result
    checks: list[Check]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 1 when a planted figure was missed by more than 5 %."""
    args = _parser().parse_args(arguments)
    if args.client:
        cost = measure_client()
        print(f"client: {cost.core_share:.2%} of a core at 100 tokens/s")
        print(f"        {cost.protocol_share:.2%} for an asyncio protocol that ignores the stream")
        print(f"        {cost.reader_share:.2%} for asyncio's StreamReader")
        print(f"        {cost.socket_share:.2%} for a blocking socket")
        print(f"marks:  first token {cost.first_token_ms:.2f} ms, end {cost.end_ms:.2f} ms")
        print(f"        mean distance from the server's log; worst {cost.worst_ms:.2f} ms")
        return 0
    source = random.Random(args.seed)
    profiles = [random_profile(source) for _ in range(args.profiles)]
    times = [float(args.time)] * len(profiles)
    with ProcessPoolExecutor(args.jobs) as pool:  # threads would hold up each other's clocks
        found = list(pool.map(_probe, profiles, times))
    if args.json:
        print(msgspec.json.encode(found).decode())
        return 0
    return _report(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.probe", description=__doc__)
    parser.add_argument("--profiles", type=int, default=30)
    parser.add_argument("--time", type=float, default=60.0, help="seconds for each probe")
    parser.add_argument("--jobs", type=int, default=1, help="probes at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="all profiles and results")
    parser.add_argument("--client", action="store_true", help="the client's own cost and marks")
    return parser


def _probe(profile: Profile, time_s: float) -> Found:
    with served(profile) as server:
        result = asyncio.run(probe(server.base_url, Settings(time_s=time_s)))
    found = Found(profile=profile, result=result, checks=[*checks(profile, result, server.chats)])
    missed = [f"{c.name} {c.planted:.4g} {c.found}" for c in found.checks if c.error > WITHIN]
    named, planted = named_defects(result), planted_defects(profile)
    missed += [f"+{name}" for name in named - planted] + [f"-{name}" for name in planted - named]
    print(f"{result.cost.requests} requests, {result.cost.time_s:.1f} s", *missed, file=sys.stderr)
    return found


def _report(found: Sequence[Found]) -> int:
    names = list(dict.fromkeys(check.name for one in found for check in one.checks))
    print(
        f"{'planted figure':<24} {'n':>3} {'median error':>13} {'greatest':>9} {'within 5 %':>11}"
    )
    all_within = True
    for name in names:
        errors = [check.error for one in found for check in one.checks if check.name == name]
        within = sum(error <= WITHIN for error in errors)
        all_within = all_within and within == len(errors)
        median, worst = statistics.median(errors), max(errors)
        greatest = "not found" if math.isinf(worst) else f"{worst:.2%}"
        share = f"{within}/{len(errors)}"
        print(f"{name:<24} {len(errors):>3} {median:>13.2%} {greatest:>9} {share:>10}")
    print(f"\n{'planted defect':<24} {'planted':>8} {'named':>6} {'named wrongly':>14}")
    for name in DEFECTS:
        has = [name in planted_defects(one.profile) for one in found]
        says = [name in named_defects(one.result) for one in found]
        pairs = list(zip(has, says, strict=True))
        right, wrong = sum(h and s for h, s in pairs), sum(s and not h for h, s in pairs)
        all_within = all_within and right == sum(has) and not wrong
        print(f"{name:<24} {sum(has):>8} {right:>6} {wrong:>14}")
    return 0 if all_within else 1


if __name__ == "__main__":
    sys.exit(main())
