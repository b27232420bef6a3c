"""What each lever alone would take off the article's loop at an endpoint, most first."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.probe.figure import Figure
from hotloop.probe.loopmodel import project, rows_s
from hotloop.probe.rates import Rates
from hotloop.probe.result import LeverGain, Result
from hotloop.probe.shapes import LEVERS, Lever, Loop
from hotloop.sim.profile import Tail

DRAFTS = 2.0
"""What speculation is assumed to bring on generated code: the article says two to three times."""
_NO_DRAFTS = 1.2
_LEAST_S = 0.01
_BLOCK_TOKENS = 16


def gains(result: Result, rates: Rates, loop: Loop) -> list[LeverGain]:
    """Return the levers that bring something, hotloop's and the endpoint's, most seconds first."""
    found = [*_own(result, rates, loop), *_endpoints(result, rates, loop)]
    return sorted(
        (gain for gain in found if gain.saved_s >= _LEAST_S), key=lambda gain: -gain.saved_s
    )


def described(value: Figure | None, unit: str, digits: int = 2) -> str:
    """Return a figure with its number of samples, and why it is unsure if it is."""
    if value is None:
        return "not measured"
    samples = "1 sample" if value.count == 1 else f"median of {value.count}"
    why = value.why.partition(":")[0]
    doubt = f"; unsure: {why}" if value.sure != "high" and value.count > 1 else ""
    return f"{value.median:,.{digits}f} {unit} ({samples}{doubt})"


def _own(result: Result, rates: Rates, loop: Loop) -> Iterator[LeverGain]:
    plain_s = _total_s(rates, loop)
    for lever in LEVERS["article"]:
        if lever.needs_cache and not rates.cache_block:
            continue
        saved_s = plain_s - _total_s(rates, lever.apply(loop))
        because = _own_figure(lever, result)
        yield LeverGain(lever=lever.name, side="hotloop", saved_s=saved_s, because=because)


def _own_figure(lever: Lever, result: Result) -> str:
    first = f"{described(result.ttft.base_s, 's')} to a first token"
    rate = described(result.decode.rate_tok_s, "tok/s", 1)
    match lever.name:
        case "short prompt":
            prefill = described(result.ttft.prefill_tok_s, "tok/s", 0)
            return f"{lever.assumes}; prefill {prefill}"
        case "warm start":
            saved = described(result.prefix_cache.saved_s, "s")
            return f"a repeated prompt of {result.prefix_cache.input_tokens or 0:,} saved {saved}"
        case "prefetch" | "finish":
            return f"{lever.assumes}; {first}, decode {rate}"
        case _:
            return f"{lever.assumes}; {first}"


def _endpoints(result: Result, rates: Rates, loop: Loop) -> Iterator[LeverGain]:
    plain_s = _total_s(rates, loop)

    def gain(lever: str, because: str, **changes: object) -> LeverGain:
        other = msgspec.convert(msgspec.to_builtins(rates) | changes, Rates)
        saved_s = plain_s - _total_s(other, loop)
        return LeverGain(lever=lever, side="endpoint", saved_s=saved_s, because=because)

    decode = described(result.decode.rate_tok_s, "tok/s", 1)
    half = {"token_s": rates.token_s / 2, "token_growth_s": rates.token_growth_s / 2}
    yield gain("decode twice as fast", f"decode {decode}", **half)
    base = described(result.ttft.base_s, "s")
    yield gain("half the base of TTFT", f"base {base} in each call", base_s=rates.base_s / 2)
    faster = [(size, took_s / 2) for size, took_s in rates.prefill]
    prefill = described(result.ttft.prefill_tok_s, "tok/s", 0)
    yield gain("prefill twice as fast", f"prefill {prefill}", prefill=faster)
    ratio = f"a structured token takes {rates.structured:.2f} times a free one"
    yield gain("structured output as fast as free", ratio, structured=min(1.0, rates.structured))
    if result.prefix_cache.works is False:
        yield gain("a prefix cache", _cache_figure(result), cache_block=_BLOCK_TOKENS)
    if not rates.keeps_connections:
        connect = described(result.connection.connect_s, "s")
        because = f"each call connects anew: {connect}"
        yield gain("kept connections", because, keeps_connections=True)
    yield from _drafts(result, rates, loop)
    yield from _steady(result, rates, loop)


def _cache_figure(result: Result) -> str:
    cache = result.prefix_cache
    cold, same = described(cache.cold_s, "s"), described(cache.same_s, "s")
    claimed = f", {cache.claimed_tokens.median:,.0f} tokens claimed" if cache.claimed_tokens else ""
    return f"a prompt took {cold}, again {same}{claimed}"


def _drafts(result: Result, rates: Rates, loop: Loop) -> Iterator[LeverGain]:
    ratio = result.decode.copy_ratio
    if ratio is None or ratio >= _NO_DRAFTS:
        return
    written = [part for step in loop for part in step.parts if part.kind is StepKind.GENERATE]
    decode_s = sum(rates.decode_s(loop[0].new_tokens, part.output_tokens) for part in written)
    yield LeverGain(
        lever="speculative decoding",
        side="endpoint",
        saved_s=decode_s * (1 - 1 / DRAFTS),
        because=f"copied text came at {ratio:.2f} times the rate of new text, so nothing drafts; "
        f"code at {DRAFTS:g} times the rate assumed",
    )


def _steady(result: Result, rates: Rates, loop: Loop) -> Iterator[LeverGain]:
    """What the p95 of the loop would be without the slow calls."""
    if not (rates.tail.share and rates.tail.sigma):
        return
    calm = msgspec.structs.replace(rates, tail=Tail())
    saved_s = project(rates, loop).p95_s - project(calm, loop).p95_s
    small = result.tails.latency_s
    seen = f"p95 of small calls {small.p95:.2f} s, median {small.median:.2f} s" if small else ""
    because = f"{rates.tail.share:.0%} of calls are slower; {seen} (saves at the p95)"
    yield LeverGain(lever="no slow calls", side="endpoint", saved_s=saved_s, because=because)


def _total_s(rates: Rates, loop: Loop) -> float:
    return sum(rows_s(rates, loop).values())
