"""A probe's result as a profile: `hotloop sim` then answers as the endpoint did."""

from __future__ import annotations

import re

import msgspec

from hotloop.probe.rates import Rates, rates_of_result
from hotloop.probe.result import Result
from hotloop.sim.profile import Cache, Fault, Profile

_TTL_S = 300.0
_HEAD = """\
# What `hotloop probe` found at {endpoint}, as a profile.
#   hotloop sim --profile THIS_FILE
"""


def profile_of(result: Result) -> Profile | None:
    """Return the measured figures as a profile; None where TTFT or decode rate is missing."""
    rates, decode = rates_of_result(result), result.decode.rate_tok_s
    if rates is None or decode is None:
        return None
    supports = result.supports
    made = Profile(
        name=_name(result.model),
        model=result.model or "probed",
        connect_s=rates.connect_s,
        ttft_base_s=rates.base_s,
        prefill_tok_s=_prefill_tok_s(result, rates),
        decode_tok_s=decode.median,
        structured_factor=rates.structured,
        burst=result.structured.arguments == "burst",
        slots=_slots(result),
        share_cost=max(0.0, result.parallel.share_cost or 0.0),
        cache=_cache(result),
        tail=rates.tail,
        faults=_faults(result),
        context_tokens=supports.context_tokens or Profile().context_tokens,
        usage="never" if supports.stream_usage is False else "asked",
        timings=bool(supports.server_timings),
        schema_s=max(0.0, result.structured.compile_s or 0.0),
        ignores_schema=result.structured.schema_enforced is False,
        prefill_blocks=result.parallel.chunked_prefill is False,
    )
    return msgspec.convert(_shortened(msgspec.to_builtins(made)), Profile)


def profile_toml(profile: Profile, endpoint: str) -> str:
    """Return a profile as TOML, in the form that `sim.profile.load_profile` reads."""
    fields: dict[str, object] = msgspec.to_builtins(profile)
    lines = [_HEAD.format(endpoint=re.sub(r"[^\x20-\x7e]", "?", endpoint))]
    tables: list[str] = []
    for name, value in fields.items():
        match value:
            case dict():
                table = msgspec.convert(value, dict[str, object])
                tables += ["", f"[{name}]", *_lines(table)]
            case list() | tuple():
                for table in msgspec.convert(value, list[dict[str, object]]):
                    tables += ["", f"[[{name}]]", *_lines(table)]
            case _:
                lines += _lines({name: value})
    return "\n".join([*lines, *tables]) + "\n"


def _shortened(value: object) -> object:
    """Keep six figures of each number: more than that was never measured."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            items = msgspec.convert(value, dict[str, object]).items()
            return {key: _shortened(item) for key, item in items}
        case list() | tuple():
            return [_shortened(item) for item in msgspec.convert(value, list[object])]
        case _:
            return value


def _lines(table: dict[str, object]) -> list[str]:
    """JSON's scalars and flat lists are TOML's too, but for a float without a point."""
    return [
        f"{name} = {float(value)!r}" if isinstance(value, float) else f"{name} = {_json(value)}"
        for name, value in table.items()
    ]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _name(model: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model.rpartition("/")[2]).strip("-.") or "probed"


def _prefill_tok_s(result: Result, rates: Rates) -> float:
    """The fitted rate; where there is no fit, that of the longest prompt measured."""
    if result.ttft.prefill_free or not rates.prefill:
        return 0.0
    if result.ttft.prefill_tok_s is not None:
        return result.ttft.prefill_tok_s.median
    tokens, took_s = rates.prefill[-1]
    return tokens / took_s if took_s > 0 else 0.0


def _slots(result: Result) -> int:
    """Where no call was seen to wait, all that were tried at once ran at once."""
    parallel = result.parallel
    if parallel.slots is not None:
        return max(1, parallel.slots)
    return max((tried.width for tried in parallel.fan_out), default=1)


def _cache(result: Result) -> Cache:
    cache = result.prefix_cache
    claims = cache.honest is False and cache.claimed_tokens is not None
    if not cache.works and not claims:
        return Cache(enabled=False)
    kept = [point.wait_s for point in cache.idle if point.kept]
    lost = [point.wait_s for point in cache.idle if not point.kept]
    ttl_s = _TTL_S if not lost else (max(kept, default=0.0) + min(lost)) / 2
    block = max(1, cache.block_tokens or 1)
    return Cache(block_tokens=block, ttl_s=ttl_s, saves_time=bool(cache.works))


def _faults(result: Result) -> tuple[Fault, ...]:
    tails = result.tails
    if not (tails.calls and tails.errors):
        return ()
    limited = any("429" in cause for cause in tails.error_causes)
    rate = min(1.0, tails.errors / tails.calls)
    return (Fault(kind="http_429" if limited else "http_500", rate=rate),)
