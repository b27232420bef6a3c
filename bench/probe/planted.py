"""Random backends, and what a probe should find of each."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import msgspec

from hotloop.probe.figure import Figure, quantile
from hotloop.probe.result import Result
from hotloop.probe.tails import slow_calls
from hotloop.sim.connection import RequestRecord
from hotloop.sim.profile import Cache, Profile, Tail

BLOCKS = (1, 16, 32, 64, 128, 256)
SLOTS = (1, 2, 3, 4, 5, 6, 8)
DEFECTS = (
    "schema_not_enforced",
    "cache_saves_no_time",
    "no_prefix_cache",
    "burst_arguments",
    "starved_by_prefill",
    "requests_queue",
    "no_usage",
    "token_counts_wrong",
)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A planted figure beside the one that was found; None where it was not found."""

    name: str
    planted: float
    found: float | None
    sure: str = ""

    @property
    def error(self) -> float:
        """Return the relative error; infinite where nothing was found."""
        if self.found is None:
            return math.inf
        if not self.planted:
            return abs(self.found)
        return abs(self.found / self.planted - 1)


def random_profile(source: random.Random) -> Profile:
    """Draw a backend whose figures vary as those of real ones do."""

    def spread(low: float, high: float) -> float:
        return math.exp(source.uniform(math.log(low), math.log(high)))

    tail = Tail()
    if source.random() < 0.5:
        tail = Tail(share=source.uniform(0.03, 0.12), sigma=source.uniform(0.3, 0.9))
    return Profile(
        connect_s=source.choice((0.0, source.uniform(0.02, 0.1))),
        queue_s=source.uniform(0.0, 0.03),
        ttft_base_s=spread(0.02, 0.35),
        prefill_tok_s=spread(3_000, 40_000),
        decode_tok_s=spread(40, 250),
        structured_factor=source.uniform(1.0, 2.5),
        burst=source.random() < 0.3,
        slots=source.choice(SLOTS),
        share_cost=source.choice((0.0, source.uniform(0.02, 0.2))),
        cache=Cache(
            enabled=source.random() < 0.85,
            block_tokens=source.choice(BLOCKS),
            saves_time=source.random() < 0.85,
        ),
        tail=tail,
        ignores_schema=source.random() < 0.2,
        prefill_blocks=source.random() < 0.25,
        seed=source.randrange(1 << 30),
    )


def planted_defects(profile: Profile) -> set[str]:
    """Return the defects that a profile has, of those that are looked for."""
    cache = profile.cache
    has = {
        "schema_not_enforced": profile.ignores_schema,
        "cache_saves_no_time": cache.enabled and not cache.saves_time,
        "no_prefix_cache": not cache.enabled,
        "burst_arguments": profile.burst,
        "starved_by_prefill": profile.prefill_blocks and profile.slots > 1,
        "requests_queue": profile.slots < 8,
        "no_usage": profile.usage == "never",
        "token_counts_wrong": profile.usage_factor != 1.0,
    }
    return {name for name, present in has.items() if present}


def named_defects(result: Result) -> set[str]:
    """Return the defects that a probe named, of those that are looked for."""
    return {defect.kind for defect in result.defects} & set(DEFECTS)


def checks(profile: Profile, result: Result, chats: Sequence[RequestRecord]) -> Iterator[Check]:
    """Yield every planted figure beside the one found."""
    ttft, found = result.ttft, result.structured
    base = profile.queue_s + profile.ttft_base_s
    yield Check(name="TTFT base", planted=base, found=ttft.server_base_s)
    yield _check("prefill rate", profile.prefill_tok_s, ttft.prefill_tok_s)
    yield _check("decode rate", profile.decode_tok_s, result.decode.rate_tok_s)
    factor = profile.structured_factor
    yield Check(name="schema factor", planted=factor, found=found.schema_ratio)
    yield Check(name="tool factor", planted=factor, found=found.tool_ratio)
    if profile.connect_s:
        yield _check("connect", profile.connect_s, result.connection.connect_s)
    cache = result.prefix_cache
    yield Check(name="cache hit share", planted=_hit_share(profile, result), found=cache.hit_share)
    if profile.cache.enabled:
        planted = float(profile.cache.block_tokens)
        yield Check(name="cache block", planted=planted, found=cache.block_tokens)
    slots = result.parallel.slots
    yield Check(name="slots", planted=min(8, profile.slots), found=8 if slots is None else slots)
    if profile.slots > 1:
        share_cost = result.parallel.share_cost
        pace = None if share_cost is None else 1 + share_cost
        yield Check(name="pace of two", planted=1 + profile.share_cost, found=pace)
    yield from _tail(result, chats)


def _tail(result: Result, chats: Sequence[RequestRecord]) -> Iterator[Check]:
    """Compare the small calls with the server's own log of these very calls.

    The log and not the profile, since too few calls are made to show a planted share exactly.
    """
    calls = [one for one in chats[-result.tails.calls :] if one.end_s and one.first_token_s]
    took = sorted((one.end_s or 0.0) - one.arrival_s for one in calls)
    latency_s = result.tails.latency_s
    if not took:
        return
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        planted = quantile(took, share)
        value = getattr(latency_s, "median" if name == "p50" else name) if latency_s else None
        sure = latency_s.sure if latency_s else ""
        yield Check(name=f"small calls {name}", planted=planted, found=value, sure=sure)
    prefill = [(one.first_token_s or 0.0) - (one.headers_s or 0.0) for one in calls]
    share, _ = slow_calls(prefill)
    found = result.tails.slow_share
    apart = None if found is None else abs(found - share)
    yield Check(name="slow share (absolute)", planted=0, found=apart)


def _hit_share(profile: Profile, result: Result) -> float:
    cache, tokens = profile.cache, result.prefix_cache.input_tokens or 0
    if not (cache.enabled and cache.saves_time and tokens):
        return 0.0
    return (tokens - 1) // cache.block_tokens * cache.block_tokens / tokens


def _check(name: str, planted: float, figure: Figure | None) -> Check:
    found = figure.median if figure else None
    return Check(name=name, planted=planted, found=found, sure=figure.sure if figure else "")
