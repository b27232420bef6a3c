"""Name what is wrong with an endpoint, each in one sentence with its figure."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterator, Sequence

from hotloop.probe.result import Defect, DefectKind, Result
from hotloop.probe.sample import Sample
from hotloop.probe.tails import cause

OFTEN = 0.05
DECODE_STARVES = 2.0


def find_defects(
    result: Result, samples: Sequence[Sample], *, waits_for_decode: bool, waited_s: float = 0.0
) -> list[Defect]:
    """Return the defects that a result and all calls together show."""
    if not any(sample.ok for sample in samples):
        return list(_failures(samples, waited_s))
    finders = (_tokens, _structured, _cache, _streaming)
    found = [defect for finder in finders for defect in finder(result)]
    return [*found, *_failures(samples, waited_s), *_neighbours(result, waits_for_decode)]


def _defect(kind: DefectKind, text: str) -> Defect:
    return Defect(kind=kind, text=text)


def _tokens(result: Result) -> Iterator[Defect]:
    tokens = result.tokens
    if not tokens.reported:
        yield _defect("no_usage", "Streams carry no token counts: rates are estimates.")
    elif not tokens.trusted:
        yield _defect("token_counts_wrong", f"Its token counts cannot be right: {tokens.why}.")


def _structured(result: Result) -> Iterator[Defect]:
    found = result.structured
    if found.schema_enforced is False:
        yield _defect("schema_not_enforced", f"A JSON schema is not enforced: {found.enforcement}.")
    held = found.schema_validity
    if held.cut_off * 2 > held.asked:
        text = f"{held.cut_off} of {held.asked} answers under a schema with limits did not end."
        yield _defect("schema_runs_on", text)
    if found.arguments == "burst":
        text = "Arguments of tool calls come in one piece: no tool can start while they stream."
        yield _defect("burst_arguments", text)
    asked = found.tool_validity
    answered = asked.asked - asked.http_500 - asked.other_error
    if result.supports.tools is False and not answered:
        yield _defect("no_tool_calls", "Requests with tools fail.")
    elif result.supports.tools is False:
        as_text = asked.fenced_json + asked.bare_json
        if as_text:
            text = f"{as_text} of {answered} tool calls came as JSON in the text."
            yield _defect("tool_calls_as_text", text)
        else:
            yield _defect("no_tool_calls", f"Of {answered} tool calls asked for, none was made.")


def _cache(result: Result) -> Iterator[Defect]:
    found = result.prefix_cache
    if found.honest is False and found.claimed_tokens and found.saved_s:
        claimed = f"{found.claimed_tokens.median:.0f} cached tokens"
        saved = f"{max(0.0, found.saved_s.median):.2f} s of {found.claimed_s or 0.0:.2f} s"
        yield _defect("cache_saves_no_time", f"It claims {claimed} and saves {saved}.")
    elif found.works is False:
        yield _defect("no_prefix_cache", "A prompt sent again takes as long as a new one.")
    elif found.works and result.tokens.trusted and not result.supports.cached_tokens:
        yield _defect("cache_unreported", "The prefix cache works, but usage does not show it.")


def _streaming(result: Result) -> Iterator[Defect]:
    reason = result.missing.get("decode.rate_tok_s", "")
    if "in one piece" in reason:
        yield _defect("burst_text", "Answers come in one piece: nothing streams.")


def _failures(samples: Sequence[Sample], waited_s: float) -> Iterator[Defect]:
    """Yield what fails often. A feature that is refused is not a failure of the endpoint."""
    asked = [s for s in samples if s.status not in (400, 404, 422, 501)]
    limited = sum(s.status == 429 or s.retries > 0 for s in asked)
    failed = [cause(s) for s in asked if s.error and s.status != 429]
    if limited > OFTEN * len(asked):
        text = f"{limited} of {len(asked)} calls were turned away or had to be made again"
        text += f"; {waited_s:.0f} s passed in waits that it asked for." if waited_s else "."
        yield _defect("rate_limited", text)
    if len(failed) > OFTEN * len(asked):
        usual, _ = Count(failed).most_common(1)[0]
        yield _defect("breaks_off", f"{len(failed)} of {len(asked)} calls failed: {usual}.")


def _neighbours(result: Result, waits_for_decode: bool) -> Iterator[Defect]:
    found = result.parallel
    if found.chunked_prefill is False and found.neighbour_stall_s and found.prefill_s:
        stall, prefill = f"{found.neighbour_stall_s:.2f} s", f"{found.prefill_s:.2f} s"
        size = f"{found.prefill_tokens:,} tokens" if found.prefill_tokens else "unknown size"
        text = f"A prefill of {size} ({prefill}) beside an answer holds it up for {stall}."
        yield _defect("starved_by_prefill", text)
    if waits_for_decode and found.short_ratio and found.short_ratio > DECODE_STARVES:
        text = f"A short call beside a long answer takes {found.short_ratio:.1f} times as long."
        yield _defect("starved_by_decode", text)
    if found.slots is not None:
        widest = max(row.width for row in found.fan_out)
        if found.slots < widest:
            run = "one call runs" if found.slots == 1 else f"{found.slots} calls run"
            text = f"Only {run} at once, later ones wait."
            yield _defect("requests_queue", text)
