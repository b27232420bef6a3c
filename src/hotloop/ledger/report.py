"""Where the time of a session went: the article's table, totals and the critical path."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import msgspec

from hotloop.ledger.critical import CriticalPath, critical_path
from hotloop.ledger.events import Event, LeverAccount, StepKind
from hotloop.ledger.fold import Call, Step, Summary, waiting

LABELS: dict[StepKind, str] = {
    StepKind.PLAN: "Plan",
    StepKind.TOOL_CALLS: "Tool calls",
    StepKind.REASON: "Read and reason",
    StepKind.GENERATE: "Generate code",
    StepKind.TEST: "Run tests",
    StepKind.VERIFY: "Verify",
    StepKind.PREFETCH: "Prefetch",
    StepKind.COMPACT: "Compaction",
}
"""The article's names and order, then the harness's own steps."""

_ARTICLE = frozenset(list(LABELS)[:6])
_SLACK_S = 1e-9


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of step. `share` is of the wall time; rows that overlap can add up to over 1.

    `time_s` is the time in which such a step ran; two that ran side by side count once.
    `kind` is None for model calls outside of all steps (a warm-up before the first).
    `tokens_per_s` is output tokens by the time from first to last token.
    """

    kind: StepKind | None
    label: str
    count: int
    tool_runs: int
    time_s: float
    budget_s: float | None
    over_budget: bool
    share: float
    ttft_s: float | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    tokens_per_s: float | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The session as a whole. `outcome` is `interrupted` where it has no end."""

    outcome: str
    steps: int
    wall_s: float
    budget_s: float | None
    over_budget: bool
    model_calls: int
    model_wait_s: float
    mean_wait_s: float | None
    ttft_s: float | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    tokens_per_s: float | None


class Lever(msgspec.Struct, frozen=True, kw_only=True):
    """What a lever saved and wasted in the whole session."""

    lever: str
    saved_s: float
    wasted_s: float
    detail: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, for a screen or a script."""

    rows: list[Row]
    totals: Totals
    critical_path: CriticalPath
    levers: list[Lever]


def fold(events: Iterable[Event]) -> Summary:
    """Return the summary of a session's events."""
    summary = Summary()
    for event in events:
        summary.add(event)
    return summary


def report(summary: Summary) -> Report:
    """Return the full report on a session, ended or not."""
    return Report(
        rows=rows(summary),
        totals=totals(summary),
        critical_path=critical_path(summary),
        levers=[_lever(account) for account in summary.levers.values()],
    )


def rows(summary: Summary) -> list[Row]:
    """Return the article's six rows in its order, then the harness's own where there are any."""
    by_kind: dict[StepKind, list[Step]] = {kind: [] for kind in LABELS}
    for step in summary.steps:
        by_kind[step.kind].append(step)
    table = [
        _row(summary, kind, steps) for kind, steps in by_kind.items() if steps or kind in _ARTICLE
    ]
    known = {step.step for step in summary.steps}
    outside = [call for call in summary.calls if call.step not in known]
    return [*table, _outside_row(outside)] if outside else table


def totals(summary: Summary) -> Totals:
    """Return the session's totals."""
    calls, end, budget_s = summary.calls, summary.end, summary.budget_s
    waited = [call for call in calls if call.foreground]
    model_calls, wait_s = waiting(calls)
    return Totals(
        outcome=end.outcome.value if end else "interrupted",
        steps=len(summary.steps),
        wall_s=summary.wall_s,
        budget_s=budget_s,
        over_budget=budget_s is not None and summary.wall_s > budget_s + _SLACK_S,
        model_calls=model_calls,
        model_wait_s=wait_s,
        mean_wait_s=wait_s / model_calls if model_calls else None,
        ttft_s=_ttft_s(waited),
        input_tokens=sum(call.input_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        tokens_per_s=_tokens_per_s(waited),
    )


def _row(summary: Summary, kind: StepKind, steps: list[Step]) -> Row:
    numbers = {step.step for step in steps}
    calls = [call for call in summary.calls if call.step in numbers]
    waited = [call for call in calls if call.foreground]
    budgeted = [(step.duration_s, step.budget_s) for step in steps if step.budget_s is not None]
    time_s = _covered_s(steps)
    shares_s = sum(budget for _, budget in budgeted)
    return Row(
        kind=kind,
        label=LABELS[kind],
        count=len(steps),
        tool_runs=sum(tool.step in numbers for tool in summary.tools),
        time_s=time_s,
        budget_s=_at_most(summary.budget_s, shares_s) if budgeted else None,
        over_budget=sum(took for took, _ in budgeted) > shares_s + _SLACK_S,
        share=time_s / summary.wall_s if summary.wall_s > 0 else 0.0,
        ttft_s=_ttft_s(waited),
        input_tokens=sum(call.input_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        tokens_per_s=_tokens_per_s(waited),
    )


def _at_most(session_s: float | None, shares_s: float) -> float:
    """Return the steps' shares together: many short ones have no more than the session has."""
    return shares_s if session_s is None else min(session_s, shares_s)


def _covered_s(steps: list[Step]) -> float:
    covered_s = ended_s = 0.0
    for step in sorted(steps, key=lambda step: step.start_s):
        end_s = step.start_s + step.duration_s
        covered_s += max(0.0, end_s - max(step.start_s, ended_s))
        ended_s = max(ended_s, end_s)
    return covered_s


def _outside_row(calls: list[Call]) -> Row:
    waited = [call for call in calls if call.foreground]
    return Row(
        kind=None,
        label="Outside steps",
        count=0,
        tool_runs=0,
        time_s=0.0,
        budget_s=None,
        over_budget=False,
        share=0.0,
        ttft_s=_ttft_s(waited),
        input_tokens=sum(call.input_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        tokens_per_s=_tokens_per_s(waited),
    )


def _ttft_s(calls: list[Call]) -> float | None:
    waits = [call.first_token_s - call.start_s for call in calls if call.first_token_s is not None]
    return statistics.median(waits) if waits else None


def _tokens_per_s(calls: list[Call]) -> float | None:
    timed = [
        (call.output_tokens, call.last_token_s - call.first_token_s)
        for call in calls
        if call.first_token_s is not None and call.last_token_s is not None
    ]
    tokens = sum(count for count, span_s in timed if span_s > 0)
    seconds = sum(span_s for _, span_s in timed if span_s > 0)
    return tokens / seconds if seconds > 0 and tokens > 0 else None


def _lever(account: LeverAccount) -> Lever:
    return Lever(
        lever=account.lever,
        saved_s=account.saved_s,
        wasted_s=account.wasted_s,
        detail=account.detail,
    )
