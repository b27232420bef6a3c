"""What a probe's figures mean for an agent: the loop's table, what breaks it, what to do first."""

from __future__ import annotations

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.ledger.report import LABELS
from hotloop.probe.gains import gains
from hotloop.probe.loopmodel import BUDGET_S, shape, tables
from hotloop.probe.profile_out import profile_of
from hotloop.probe.rates import Rates, rates_of_result
from hotloop.probe.result import LeverGain, LoopTable, Result, Verdict
from hotloop.probe.shapes import fitted
from hotloop.sim.article import STEPS, TOTAL_S

_NEEDED = ("ttft.base_s", "ttft", "decode.rate_tok_s", "decode")


def conclude(result: Result, budget_s: float = BUDGET_S) -> Result:
    """Return a result with `loop`, `verdict` and `profile` made from its figures.

    They stay empty, and `missing` says so, where TTFT or decode rate could not be measured.
    """
    rates = rates_of_result(result)
    if rates is None:
        why = next((result.missing[name] for name in _NEEDED if name in result.missing), "")
        said = f"no time to first token or no decode rate{why and f': {why}'}"
        if result.cost.stopped == "unreachable":
            said = why
        missing = dict.fromkeys(("loop", "verdict", "profile"), said)
        return msgspec.structs.replace(result, missing=result.missing | missing)
    found = tables(rates, budget_s)
    missing = dict(result.missing)
    if all(one.name != "tracelab" for one in found):
        missing["loop.tracelab"] = f"it does not fit a context of {rates.context_tokens:,} tokens"
    return msgspec.structs.replace(
        result,
        missing=missing,
        loop=found,
        verdict=_verdict(result, rates, found),
        profile=profile_of(result),
    )


def share_s(kind: StepKind, budget_s: float = BUDGET_S) -> float:
    """Return a row's share of a budget: the article's, whose fast table is 21.7 s long."""
    row = next((step for step in STEPS if step.kind is kind), None)
    return 0.0 if row is None else row.fast_s * budget_s / TOTAL_S["fast"]


def breaking_step(table: LoopTable, *, levers: bool = False) -> StepKind | None:
    """Return the row that is furthest over its share, None where the loop fits at the p95.

    Where the p50 fits, the p95 decides. Shares are those of one iteration.
    """
    p50_s, p95_s = (
        (table.levers_p50_s, table.levers_p95_s) if levers else (table.p50_s, table.p95_s)
    )
    if p95_s <= table.budget_s:
        return None
    at_p50 = p50_s > table.budget_s
    excess = {
        row.kind: (
            (row.levers_p50_s if at_p50 else row.levers_p95_s)
            if levers
            else (row.p50_s if at_p50 else row.p95_s)
        )
        - share_s(row.kind, table.budget_s)
        for row in table.rows
    }
    return max(excess, key=excess.__getitem__)


def race_width(result: Result) -> int | None:
    """Return how many candidates are worth asking for at once; None where not measured."""
    parallel = result.parallel
    if parallel.knee is None:
        return 1 if parallel.slots == 1 else None
    return max(1, min(parallel.knee, parallel.slots or parallel.knee))


def _verdict(result: Result, rates: Rates, found: list[LoopTable]) -> Verdict:
    one = found[0]
    ranked = gains(result, rates, fitted(shape("article"), rates.context_tokens))
    return Verdict(
        fits=one.p95_s <= one.budget_s,
        fits_with_levers=one.levers_p95_s <= one.budget_s,
        breaking_step=breaking_step(one),
        breaking_step_with_levers=breaking_step(one, levers=True),
        text=_text(found, ranked),
        levers=ranked,
        dialect=result.supports.dialect,
        race_width=race_width(result),
    )


def _text(found: list[LoopTable], ranked: list[LeverGain]) -> str:
    one, two = found[0], found[1]
    said = [
        f"The article's loop takes {one.p50_s:.1f} s here (p95 {one.p95_s:.1f} s), {_against(one)}."
    ]
    breaks = breaking_step(one)
    if breaks is not None:
        row = next(row for row in one.rows if row.kind is breaks)
        took_s = row.p50_s if one.p50_s > one.budget_s else row.p95_s
        said.append(
            f'"{LABELS[breaks]}" breaks it: {took_s:.1f} s, '
            f"its share is {share_s(breaks, one.budget_s):.1f} s."
        )
    said.append(
        f"With hotloop's levers it is {one.levers_p50_s:.1f} s (p95 {one.levers_p95_s:.1f} s); "
        f"a second iteration makes that {two.levers_p50_s:.1f} s, {two.p50_s:.1f} s without."
    )
    for side, who in (("hotloop", "First lever"), ("endpoint", "First thing to ask of the server")):
        first = next((gain for gain in ranked if gain.side == side), None)
        if first is not None:
            said.append(f"{who}: {first.lever}, {first.saved_s:.1f} s ({first.because}).")
    return " ".join(said)


def _against(table: LoopTable) -> str:
    over_s = table.p50_s - table.budget_s
    if over_s > 0:
        return f"{over_s:.1f} s over the budget of {table.budget_s:g} s"
    if table.p95_s > table.budget_s:
        return f"within the budget of {table.budget_s:g} s, but not at the p95"
    return f"within the budget of {table.budget_s:g} s"
