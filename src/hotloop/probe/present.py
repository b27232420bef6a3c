"""A probe's findings in the words of a report: what the terminal and the page both show."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hotloop.probe.figure import Figure
from hotloop.probe.parts import Validity
from hotloop.probe.result import Result

_TOGETHER = 0.05
"""A share of pieces that come together is worth a word above this."""


class Line(msgspec.Struct, frozen=True):
    """One measured figure of a report; `unit` is `s` or `tok/s`, empty for a plain number."""

    part: str
    label: str
    value: Figure | None
    unit: str
    missing: str = ""


def span(value_s: float | None) -> str:
    """Return seconds in at most three figures: `0.42 ms`, `12 ms`, `0.45 s`, `37.1 s`."""
    if value_s is None:
        return "-"
    size = abs(value_s)
    if not size:
        return "0 s"
    if size < 0.001:
        return f"{value_s * 1000:.2f} ms"
    if size < 0.0995:
        return f"{value_s * 1000:.{1 if size < 0.00995 else 0}f} ms"
    return f"{value_s:.{2 if size < 9.995 else 1 if size < 999.95 else 0}f} s"


def number(value: float | None, unit: str) -> str:
    """Return a figure's value with its unit."""
    if value is None:
        return "-"
    if unit == "s":
        return span(value)
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def lines(result: Result) -> list[Line]:
    """Return all figures of the report in their order, those that are missing with the reason.

    A part without any figure is left out: `unmeasured` says why.
    """
    connection, ttft, decode = result.connection, result.ttft, result.decode
    structured, cache, tails = result.structured, result.prefix_cache, result.tails
    parallel = result.parallel
    alone_s = parallel.neighbour_alone_itl_s
    rows: list[tuple[str, str, str, Figure | None, str]] = [
        ("connection", "DNS", "dns_s", connection.dns_s, "s"),
        ("connection", "TCP", "tcp_s", connection.tcp_s, "s"),
        ("connection", "TLS", "tls_s", connection.tls_s, "s"),
        ("connection", "a new connection costs", "connect_s", connection.connect_s, "s"),
        ("connection", "there and back", "round_trip_s", connection.round_trip_s, "s"),
        ("connection", "time to headers", "headers_s", connection.headers_s, "s"),
        ("ttft", "base", "base_s", ttft.base_s, "s"),
        ("ttft", "prefill", "prefill_tok_s", ttft.prefill_tok_s, "tok/s"),
        ("decode", "new text", "rate_tok_s", decode.rate_tok_s, "tok/s"),
        ("decode", "text copied from the prompt", "copied_tok_s", decode.copied_tok_s, "tok/s"),
        ("decode", "inter-token latency", "itl_s", decode.itl_s, "s"),
        ("decode", "tokens per chunk", "chunk_tokens", decode.chunk_tokens, ""),
        ("structured", "free, per token", "free_token_s", structured.free_token_s, "s"),
        ("structured", "by schema, per token", "schema_token_s", structured.schema_token_s, "s"),
        ("structured", "tool call, per token", "tool_token_s", structured.tool_token_s, "s"),
        ("structured", "first use of a schema", "schema_cold_s", structured.schema_cold_s, "s"),
        ("structured", "the same schema again", "schema_warm_s", structured.schema_warm_s, "s"),
        ("structured", "time to the tool's name", "name_s", structured.name_s, "s"),
        ("structured", "time to the first call", "first_call_s", structured.first_call_s, "s"),
        ("prefix_cache", "cold", "cold_s", cache.cold_s, "s"),
        ("prefix_cache", "the same again", "same_s", cache.same_s, "s"),
        ("prefix_cache", "one byte changed early", "changed_s", cache.changed_s, "s"),
        ("prefix_cache", "after strangers", "strangers_s", cache.strangers_s, "s"),
        ("parallel", "neighbour alone", "neighbour_alone_itl_s", alone_s, "s"),
        ("parallel", "beside a long prefill", "neighbour_itl_s", parallel.neighbour_itl_s, "s"),
        ("parallel", "short call alone", "short_alone_s", parallel.short_alone_s, "s"),
        ("parallel", "beside a long answer", "short_beside_s", parallel.short_beside_s, "s"),
        ("tails", "small calls", "latency_s", tails.latency_s, "s"),
    ]  # fmt: skip
    found: list[Line] = []
    for part, label, name, value, unit in rows:
        why = result.missing.get(f"{part}.{name}", "") or result.missing.get(part, "")
        if value is not None or why:
            found.append(Line(part, label, value, unit, why))
    measured = {line.part for line in found if line.value is not None}
    return [line for line in found if line.part in measured]


PARTS = {
    "connection": "Connection",
    "ttft": "Time to first token",
    "decode": "Decode",
    "structured": "Structured output",
    "prefix_cache": "Prefix cache",
    "parallel": "Parallel calls",
    "tails": "Tails",
}
"""The parts of a report and their headings."""


def facts(result: Result, part: str) -> list[str]:
    """Return what a part found beside its figures, in short sentences."""
    found = {
        "connection": _connection,
        "ttft": _ttft,
        "decode": _decode,
        "structured": _structured,
        "prefix_cache": _cache,
        "parallel": _parallel,
        "tails": _tails,
    }[part](result)
    return [text[0].upper() + text[1:] for text in found if text]


def _connection(result: Result) -> Iterator[str]:
    found = result.connection
    protocol = f"HTTP/{found.http_version}" if found.http_version else ""
    secure = found.tls_version or ("TLS" if found.secure else "no TLS")
    if protocol:
        yield f"{protocol}, {secure}{f', {found.address}' if found.address else ''}"
    match found.closes_after:
        case "none":
            yield "connections are kept, also after a streamed answer"
        case "stream":
            yield "it closes the connection after a streamed answer: each call needs a new one"
        case "any":
            yield "it closes the connection after each answer: each call needs a new one"
        case None if found.reused:
            yield "connections are kept after a plain answer; no streamed one was tried"
        case None:
            pass


def _ttft(result: Result) -> Iterator[str]:
    found = result.ttft
    if found.prefill_free:
        yield "the size of the prompt costs no time that could be seen"
    if found.fit_error is not None and not found.prefill_free:
        yield f"base + tokens / rate fits within {found.fit_error:.1%}"
    if found.server_base_s is not None:
        yield f"without the way there and back the base is {span(found.server_base_s)}"
    if found.breaks_at_tokens is not None:
        yield f"the fit breaks at {found.breaks_at_tokens:,} tokens"


def _decode(result: Result) -> Iterator[str]:
    found = result.decode
    if found.longest_stall_s is not None:
        yield f"longest stall {span(found.longest_stall_s)}"
    if found.together_share and found.together_share > _TOGETHER:
        yield f"{found.together_share:.0%} of the pieces come together with the one before"
    if found.copy_ratio is not None:
        drafts = "the server drafts" if found.speculation else "no speculation seen"
        yield f"copied text at {found.copy_ratio:.2f} times the rate of new text: {drafts}"


def _structured(result: Result) -> Iterator[str]:
    found = result.structured
    ratios = (("by schema", found.schema_ratio), ("as tool call", found.tool_ratio))
    said = [f"{name} {ratio:.2f}" for name, ratio in ratios if ratio is not None]
    if said:
        yield f"a token takes, against a free one: {', '.join(said)} times as long"
    if found.compile_s is not None:
        yield f"the first use of a schema adds {span(found.compile_s)}"
    if found.arguments is not None:
        burst = found.arguments == "burst"
        yield f"arguments {'come in one burst' if burst else 'are streamed'}"
    if found.schema_enforced is not None:
        why = f" ({found.enforcement})" if found.enforcement else ""
        yield f"a schema is {'' if found.schema_enforced else 'NOT '}enforced{why}"
    yield _validity("by schema", found.schema_validity)
    yield _validity("as tool call", found.tool_validity)


def _validity(name: str, found: Validity) -> str:
    if not found.asked:
        return ""
    wrong = {
        "fenced JSON": found.fenced_json,
        "bare JSON": found.bare_json,
        "wrong arguments": found.wrong_arguments,
        "cut off": found.cut_off,
        "prose": found.prose,
        "HTTP 500": found.http_500,
        "other error": found.other_error,
    }
    said = "".join(f", {count} {kind}" for kind, count in wrong.items() if count)
    return f"{name}: {found.valid} of {found.asked} valid{said}"


def _cache(result: Result) -> Iterator[str]:
    found = result.prefix_cache
    if found.works is not None:
        saved = f", a repeat saves {span(found.saved_s.median)}" if found.saved_s else ""
        hit = f" ({found.hit_share:.0%} of the prompt)" if found.hit_share is not None else ""
        yield f"it works{saved}{hit}" if found.works else "it saves no time"
    if found.honest is False:
        yield "what it claims is NOT what it saves"
    if found.claimed_tokens is not None:
        worth = f", worth {span(found.claimed_s)}" if found.claimed_s is not None else ""
        yield f"{found.claimed_tokens.median:,.0f} tokens claimed{worth}"
    if found.block_tokens is not None:
        yield f"blocks of {found.block_tokens} tokens"
    if found.survives_strangers is not None:
        yield f"{'survives' if found.survives_strangers else 'does NOT survive'} parallel strangers"
    for point in found.idle:
        yield f"after {point.wait_s:g} s idle: {'kept' if point.kept else 'gone'}"


def _parallel(result: Result) -> Iterator[str]:
    found = result.parallel
    if found.slots is not None:
        run = "one call runs" if found.slots == 1 else f"{found.slots} calls run"
        yield f"{run} at once, later ones wait"
    if found.knee is not None:
        yield f"the total rate grows up to {found.knee} at once"
    if found.share_cost is not None:
        yield f"each further call adds {found.share_cost:.0%} to the time per token"
    if found.chunked_prefill is not None:
        stall = f" (stall {span(found.neighbour_stall_s)})" if found.neighbour_stall_s else ""
        size = f" of {found.prefill_tokens:,} tokens" if found.prefill_tokens else ""
        yield (
            f"decodes on beside a prefill{size}{stall}"
            if found.chunked_prefill
            else f"a prefill{size} STOPS its neighbours{stall}"
        )
    if found.short_ratio is not None:
        yield f"a short call beside a long answer takes {found.short_ratio:.2f} times as long"


def _tails(result: Result) -> Iterator[str]:
    found = result.tails
    if found.calls:
        yield f"{found.calls} calls, {found.errors} errors, {found.retries} retries"
    for cause, count in sorted(found.error_causes.items()):
        yield f"{count} times: {cause}"
    if found.slow_share:
        sigma = f", sigma {found.slow_sigma:.2f}" if found.slow_sigma is not None else ""
        yield f"{found.slow_share:.0%} of calls are slower as a whole{sigma}"
