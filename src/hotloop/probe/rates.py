"""What a call costs at an endpoint, from a probe's result or from a simulated backend's profile."""

from __future__ import annotations

import math
from bisect import bisect_left

import msgspec

from hotloop.probe.figure import Figure
from hotloop.probe.fit import fit_line
from hotloop.probe.parts import DecodePoint
from hotloop.probe.result import Result
from hotloop.probe.tails import LEAST_CALLS
from hotloop.sim.profile import Profile, Tail

Points = tuple[tuple[float, float], ...]
_WHOLE_HIT = 0.9
_TELLING_S = 0.1
_LEAST_SEEN = 4
_DEEPENS = 0.05
_CURVE_STEP, _CURVE_POINTS = 512, 260


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that a loop's time follows from.

    `prefill` are (tokens, seconds) of a cold prompt without the base, ascending from (0, 0);
    empty where size costs no time. A token behind `context` tokens takes `token_s` plus
    `context * token_growth_s`, under a schema or in a tool call `structured` times that.
    `cache_block` is 0 where no prefix cache saves time, else its block in tokens, of which a
    repeat spares `cache_share`. A `tail.share` of calls is slower as a whole. `connect_s` is paid
    by the first call, by each where the server does not keep connections.
    """

    connect_s: float = 0.0
    keeps_connections: bool = True
    base_s: float = 0.0
    prefill: Points = ()
    token_s: float = 0.0
    token_growth_s: float = 0.0
    structured: float = 1.0
    cache_block: int = 0
    cache_share: float = 1.0
    tail: Tail = Tail()
    context_tokens: int | None = None

    def ttft_s(self, input_tokens: int, cached_tokens: int = 0) -> float:
        """Return the seconds to the first token, `cached_tokens` being in the KV cache."""
        spared_s = self.prefill_s(cached_tokens) * self.cache_share
        return self.base_s + self.prefill_s(input_tokens) - spared_s

    def prefill_s(self, tokens: float) -> float:
        """Return the seconds that a cold prompt takes beyond the base, between measured sizes."""
        if len(self.prefill) < 2:
            return 0.0
        sizes = [size for size, _ in self.prefill]
        right = min(max(bisect_left(sizes, tokens), 1), len(sizes) - 1)
        (low, low_s), (high, high_s) = self.prefill[right - 1], self.prefill[right]
        return low_s + (tokens - low) * (high_s - low_s) / (high - low)

    def decode_s(self, context_tokens: int, tokens: int, *, structured: bool = False) -> float:
        """Return the seconds that `tokens` take behind a context, which they lengthen."""
        middle = context_tokens + tokens / 2
        pace_s = self.token_s + middle * self.token_growth_s
        return tokens * pace_s * (self.structured if structured else 1.0)

    def reusable(self, common_tokens: int) -> int:
        """Return how many of `common_tokens` at a prompt's start the cache gives back."""
        return common_tokens - common_tokens % self.cache_block if self.cache_block else 0


def rates_of_profile(profile: Profile) -> Rates:
    """Return the rates of a simulated backend: exact, its own timetable in other words."""
    profile = profile.scaled()
    cached = profile.cache.enabled and profile.cache.saves_time
    return Rates(
        connect_s=profile.connect_s,
        base_s=profile.queue_s + profile.ttft_base_s,
        prefill=_line(profile.prefill_tok_s),
        token_s=_inverse(profile.decode_tok_s),
        structured=profile.structured_factor,
        cache_block=profile.cache.block_tokens if cached else 0,
        tail=profile.tail,
        context_tokens=profile.context_tokens,
    )


def rates_of_result(result: Result) -> Rates | None:
    """Return the measured rates; None where TTFT or decode rate is missing.

    Without a fit, the sizes that were measured stand for base and prefill together.
    """
    base_s = max(0.0, median(result.ttft.base_s))
    prefill = _prefill(result, base_s)
    decode_tok_s = result.decode.rate_tok_s
    if decode_tok_s is None or decode_tok_s.median <= 0:
        return None
    if result.ttft.base_s is None and not prefill:
        return None
    token_s, growth_s = _pace(result.decode.by_context, decode_tok_s.median)
    cache = result.prefix_cache
    hit = 1.0 if cache.hit_share is None or not cache.works else cache.hit_share
    return Rates(
        connect_s=max(0.0, median(result.connection.connect_s)),
        keeps_connections=result.connection.reused is not False,
        base_s=base_s,
        prefill=prefill,
        token_s=token_s,
        token_growth_s=growth_s,
        structured=structured_ratio(result),
        cache_block=(cache.block_tokens or 1) if cache.works else 0,
        cache_share=1.0 if hit >= _WHOLE_HIT else max(0.0, hit),
        tail=measured_tail(result),
        context_tokens=result.supports.context_tokens,
    )


def structured_ratio(result: Result) -> float:
    """Return the time per token of a structured answer over that of free text.

    That of the dialect to use: tool calls where they work, else a schema; 1 for plain text.
    """
    found = result.structured
    match result.supports.dialect:
        case "fenced":
            return 1.0
        case "schema":
            return found.schema_ratio or 1.0
        case _:
            return found.tool_ratio or found.schema_ratio or 1.0


def measured_tail(result: Result) -> Tail:
    """Return the tail that was seen in many small calls; none where too few were made.

    Where no share of slow calls stood out, it follows from p95 over median: the logarithm of
    how much slower is then taken for half-normal.
    """
    tails = result.tails
    if tails.slow_share is not None and tails.slow_sigma is not None:
        return Tail(share=min(1.0, max(0.0, tails.slow_share)), sigma=max(0.0, tails.slow_sigma))
    latency_s = tails.latency_s
    if latency_s is None or latency_s.count < LEAST_CALLS or latency_s.median <= 0:
        return Tail()
    # Half of the calls are above the median: the 95th of them in 100 is the 90th in their half,
    # 1.645 standard deviations up.
    return Tail(share=0.5, sigma=max(0.0, math.log(latency_s.p95 / latency_s.median) / 1.645))


def median(value: Figure | None, default: float = 0.0) -> float:
    """Return the median of a figure, `default` where there is none."""
    return default if value is None else value.median


def _prefill(result: Result, base_s: float) -> Points:
    ttft = result.ttft
    if ttft.prefill_free:
        return ()
    if ttft.breaks_at_tokens is None and ttft.prefill_tok_s is not None:
        return _deepening(result, base_s) or _line(ttft.prefill_tok_s.median)
    points: list[tuple[float, float]] = [(0.0, 0.0)]
    for point in sorted(ttft.points, key=lambda point: point.input_tokens):
        if point.cold_s is not None and point.input_tokens > points[-1][0]:
            least_s = points[-1][1]
            points.append((float(point.input_tokens), max(least_s, point.cold_s.median - base_s)))
    return tuple(points) if len(points) > 1 else ()


def _line(tok_s: float) -> Points:
    return ((0.0, 0.0), (1000.0, 1000.0 / tok_s)) if tok_s > 0 else ()


def _deepening(result: Result, base_s: float) -> Points:
    """Return prefill times where the tokens before it lengthen that of a token; empty if not.

    Attention does so. It shows in the time per token of new prompts, whose tokens stand behind
    half of them in the mean, and of those that were appended to a conversation.
    """
    seen: list[tuple[float, float]] = []
    for point in result.ttft.points:
        if point.cold_s is not None and point.cold_s.median - base_s >= _TELLING_S:
            each_s = (point.cold_s.median - base_s) / point.input_tokens
            seen.append((point.input_tokens / 2, each_s))
    for turn in result.prefix_cache.growing[1:] if result.prefix_cache.works else ():
        new = turn.input_tokens - (turn.cached_tokens or 0)
        if turn.cached_tokens and turn.ttft_s - base_s >= _TELLING_S:
            seen.append((turn.cached_tokens + new / 2, (turn.ttft_s - base_s) / new))
    line = fit_line(seen)
    if len(seen) < _LEAST_SEEN or line is None or line.base <= 0:
        return ()
    deepest = max(depth for depth, _ in seen)
    return _curve(line.base, line.slope) if line.slope * deepest > _DEEPENS * line.base else ()


def _curve(each_s: float, growth_s: float) -> Points:
    """Return prefill times where each token takes longer by `growth_s` than the one before."""
    sizes = [0.0, *(float(_CURVE_STEP * number) for number in range(1, _CURVE_POINTS))]
    return tuple((size, size * (each_s + growth_s * size / 2)) for size in sizes)


def _inverse(tok_s: float) -> float:
    return 1 / tok_s if tok_s else 0.0


def _pace(points: list[DecodePoint], tok_s: float) -> tuple[float, float]:
    """Fit seconds per token to a + b * context (least squares, b not negative)."""
    known = [
        (float(point.context_tokens), 1 / point.rate_tok_s.median)
        for point in points
        if point.rate_tok_s is not None and point.rate_tok_s.median > 0
    ]
    if len({size for size, _ in known}) < 2:
        return 1 / tok_s, 0.0
    mean = sum(size for size, _ in known) / len(known)
    mean_s = sum(pace_s for _, pace_s in known) / len(known)
    above = sum((size - mean) * (pace_s - mean_s) for size, pace_s in known)
    growth_s = max(0.0, above / sum((size - mean) ** 2 for size, _ in known))
    return max(0.0, mean_s - growth_s * mean), growth_s
