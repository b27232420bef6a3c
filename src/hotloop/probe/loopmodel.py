"""How long a loop takes at an endpoint: its rows at p50 and p95, as it is and with levers.

One call after the other: base, prefill of what the cache does not have, decode. Where some calls
are slower as a whole, the quantiles are those of whole loops drawn from that tail, because the
p95 of a sum is not the sum of p95s. The arithmetic is that of `sim.timing`, to which it is tested.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.probe.figure import quantile
from hotloop.probe.rates import Rates
from hotloop.probe.result import LoopRow, LoopTable
from hotloop.probe.shapes import LEVERS, Lever, Loop, ShapeName, article, fitted, tracelab

BUDGET_S = 20.0
_DRAWS = 2_000
_SEED = 17

Rows = dict[StepKind, float]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a projected loop, for its waterfall. `wait_s` of it is time to first token."""

    kind: StepKind
    start_s: float
    duration_s: float
    wait_s: float = 0.0


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """A loop at an endpoint. Rows are quantiles each of its own, so they need not add up."""

    rows_p50_s: Rows
    rows_p95_s: Rows
    calls: dict[StepKind, int]
    p50_s: float
    p95_s: float


def spans(rates: Rates, loop: Loop, slow: Sequence[float] = ()) -> list[Span]:
    """Return what happens when, nominally; `slow` makes each step's call that much slower."""
    found: list[Span] = []
    now_s, context, known = 0.0, 0, 0
    for number, step in enumerate(loop):
        if not step.parts:
            found.append(Span(kind=step.kind, start_s=now_s, duration_s=step.pause_s))
            now_s += step.pause_s
            continue
        factor = slow[number] if slow else 1.0
        context += step.new_tokens
        cached = rates.reusable(max(known, step.warm_tokens if rates.cache_block else 0))
        wait_s = rates.ttft_s(context, cached) * factor
        wait_s += 0.0 if found and rates.keeps_connections else rates.connect_s
        for part in step.parts:
            decode_s = rates.decode_s(context, part.output_tokens, structured=part.structured)
            took_s = wait_s + decode_s * factor
            found.append(Span(kind=part.kind, start_s=now_s, duration_s=took_s, wait_s=wait_s))
            now_s, wait_s = now_s + took_s, 0.0
            context += part.output_tokens
        known = context
        if step.after_s:
            kind = step.parts[-1].kind
            found.append(Span(kind=kind, start_s=now_s, duration_s=step.after_s))
            now_s += step.after_s
    return found


def rows_s(rates: Rates, loop: Loop, slow: Sequence[float] = ()) -> Rows:
    """Return the nominal seconds of each kind of step."""
    rows: Rows = {}
    for span in spans(rates, loop, slow):
        rows[span.kind] = rows.get(span.kind, 0.0) + span.duration_s
    return rows


def project(rates: Rates, loop: Loop, *, draws: int = _DRAWS) -> Projection:
    """Return a loop's rows and total at p50 and p95, the same each time."""
    source = random.Random(_SEED)
    tail = rates.tail

    def draw() -> float:
        if source.random() >= tail.share:
            return 1.0
        return math.exp(abs(source.gauss(0.0, tail.sigma)))

    steady = not (tail.share and tail.sigma)
    runs = [rows_s(rates, loop, [draw() for _ in loop]) for _ in range(1 if steady else draws)]
    kinds = list(runs[0])
    by_kind = {kind: sorted(run[kind] for run in runs) for kind in kinds}
    totals = sorted(sum(run.values()) for run in runs)
    return Projection(
        rows_p50_s={kind: quantile(by_kind[kind], 0.5) for kind in kinds},
        rows_p95_s={kind: quantile(by_kind[kind], 0.95) for kind in kinds},
        calls={kind: _calls(loop, kind) for kind in kinds},
        p50_s=quantile(totals, 0.5),
        p95_s=quantile(totals, 0.95),
    )


def with_levers(rates: Rates, loop: Loop, levers: Sequence[Lever]) -> Loop:
    """Return a loop with levers applied; those that need a prefix cache only where it works."""
    for lever in levers:
        if rates.cache_block or not lever.needs_cache:
            loop = lever.apply(loop)
    return loop


def shape(name: ShapeName, iterations: int = 1) -> Loop:
    """Return a loop by name."""
    return article(iterations) if name == "article" else tracelab()


def tables(rates: Rates, budget_s: float = BUDGET_S) -> list[LoopTable]:
    """Return the article's loop with one and two iterations, and TraceLab's session.

    The latter is left out where no part of its first prompt would fit the context.
    """
    found = [table(rates, "article", iterations, budget_s) for iterations in (1, 2)]
    if fitted(shape("tracelab"), rates.context_tokens)[0].new_tokens:
        found.append(table(rates, "tracelab", 1, budget_s))
    return found


def table(
    rates: Rates, name: ShapeName, iterations: int = 1, budget_s: float = BUDGET_S
) -> LoopTable:
    """Return one loop's table, plain and with hotloop's levers."""
    whole = shape(name, iterations)
    loop = fitted(whole, rates.context_tokens)
    shorter = with_levers(rates, loop, LEVERS[name])
    plain, levered = project(rates, loop), project(rates, shorter)
    rows = [
        LoopRow(
            kind=kind,
            calls=plain.calls[kind],
            p50_s=plain.rows_p50_s[kind],
            p95_s=plain.rows_p95_s[kind],
            levers_p50_s=levered.rows_p50_s.get(kind, 0.0),
            levers_p95_s=levered.rows_p95_s.get(kind, 0.0),
        )
        for kind in plain.rows_p50_s
    ]
    return LoopTable(
        name=name,
        iterations=iterations,
        budget_s=budget_s,
        rows=rows,
        p50_s=plain.p50_s,
        p95_s=plain.p95_s,
        levers_p50_s=levered.p50_s,
        levers_p95_s=levered.p95_s,
        assumed=assumptions(rates, name),
        note=_cut_note(whole, loop),
    )


def assumptions(rates: Rates, name: ShapeName) -> list[str]:
    """Return what is taken for granted of each lever that the table counts on."""
    return [
        f"{lever.name}: {lever.assumes}"
        for lever in LEVERS[name]
        if rates.cache_block or not lever.needs_cache
    ]


def _calls(loop: Loop, kind: StepKind) -> int:
    return sum(part.kind is kind for step in loop for part in step.parts)


def _cut_note(whole: Loop, loop: Loop) -> str:
    wanted, left = whole[0].new_tokens, loop[0].new_tokens
    if wanted == left:
        return ""
    return f"the first prompt is cut from {wanted:,} to {left:,} tokens to fit the context"
