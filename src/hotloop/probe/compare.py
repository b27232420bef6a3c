"""Two or more results side by side: ratios, and which endpoint to choose for which step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from hotloop.errors import UsageError
from hotloop.ledger.events import StepKind
from hotloop.ledger.report import LABELS
from hotloop.probe.figure import Figure
from hotloop.probe.present import number
from hotloop.probe.result import SCHEMA_VERSION, Result

_CALLS = (
    StepKind.PLAN,
    StepKind.TOOL_CALLS,
    StepKind.REASON,
    StepKind.GENERATE,
    StepKind.VERIFY,
)
_EVEN = 1.05
"""Endpoints whose times differ by less than this are called even."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of all results. `ratios` are over the first's; `best` is an index, None if even."""

    label: str
    unit: str
    values: list[float | None]
    ratios: list[float | None]
    best: int | None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which result, by its index, to choose for a step, and why."""

    step: str
    number: int
    why: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Results side by side, in the order given."""

    names: list[str]
    rows: list[Row]
    choices: list[Choice]


class _Head(msgspec.Struct):
    schema_version: int = 0


def load_result(path: Path) -> Result:
    """Return the result in a file that `hotloop probe --json` wrote.

    Raises UsageError for a file that cannot be read, is none, or is of a newer version.
    """
    step = "make one with: hotloop probe URL --json FILE"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", step) from error
    try:
        version = msgspec.json.decode(data, type=_Head).schema_version
        if version > SCHEMA_VERSION:
            cause = f"{path} has schema version {version}, this hotloop knows {SCHEMA_VERSION}"
            raise UsageError(cause, "update hotloop")
        if version < 1:
            raise UsageError(f"{path} is no probe result", step)
        return msgspec.json.decode(data, type=Result)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no probe result: {error}", step) from error


def compare(results: Sequence[Result]) -> Comparison:
    """Put results side by side. Raises UsageError for fewer than two."""
    if len(results) < 2:
        raise UsageError("one result cannot be compared", "name two or more files")
    rows = [
        _row(label, unit, [get(result) for result in results], more_is_better=more)
        for label, unit, more, get in _FIGURES
    ]
    steps = [_step_row(kind, results) for kind in _CALLS]
    loops = [
        _row(label, "s", [_total_s(result, index, levers=levers) for result in results])
        for label, index, levers in (
            ("loop p50", 0, False),
            ("loop p50, two iterations", 1, False),
            ("loop p50 with levers", 0, True),
        )
    ]
    p95 = _row("loop p95", "s", [r.loop[0].p95_s if r.loop else None for r in results])
    shown = [row for row in [*rows, *steps, *loops, p95] if any(v is not None for v in row.values)]
    return Comparison(
        names=_names(results), rows=shown, choices=_choices(results, steps, [*loops, p95], rows)
    )


def _median(value: Figure | None) -> float | None:
    return None if value is None else value.median


def _p95(value: Figure | None) -> float | None:
    return None if value is None else value.p95


def _widest(result: Result) -> float | None:
    rates = [tried.total_tok_s for tried in result.parallel.fan_out if tried.total_tok_s]
    return max(rates, default=None)


_FIGURES: list[tuple[str, str, bool, Callable[[Result], float | None]]] = [
    ("TTFT base", "s", False, lambda r: _median(r.ttft.base_s)),
    ("prefill", "tok/s", True, lambda r: _median(r.ttft.prefill_tok_s)),
    ("decode", "tok/s", True, lambda r: _median(r.decode.rate_tok_s)),
    ("inter-token latency p95", "s", False, lambda r: _p95(r.decode.itl_s)),
    ("tool call, per token", "s", False, lambda r: _median(r.structured.tool_token_s)),
    ("by schema, per token", "s", False, lambda r: _median(r.structured.schema_token_s)),
    ("prompt again (cached)", "s", False, lambda r: _median(r.prefix_cache.same_s)),
    ("small call p95", "s", False, lambda r: _p95(r.tails.latency_s)),
    ("best total rate", "tok/s", True, _widest),
]


def _row(label: str, unit: str, values: list[float | None], *, more_is_better: bool = False) -> Row:
    first = values[0]
    ratios = [
        None if value is None or not first or index == 0 else value / first
        for index, value in enumerate(values)
    ]
    known = [(value, index) for index, value in enumerate(values) if value is not None]
    ordered = sorted(known, reverse=more_is_better)
    clear = len(ordered) > 1 and not _even(ordered[0][0], ordered[1][0])
    return Row(
        label=label,
        unit=unit,
        values=values,
        ratios=ratios,
        best=ordered[0][1] if clear else None,
    )


def _even(first: float, second: float) -> bool:
    low, high = sorted((abs(first), abs(second)))
    return high <= low * _EVEN


def _step_row(kind: StepKind, results: Sequence[Result]) -> Row:
    def row_s(result: Result) -> float | None:
        rows = result.loop[0].rows if result.loop else []
        return next((row.p50_s for row in rows if row.kind is kind), None)

    return _row(LABELS[kind], "s", [row_s(result) for result in results])


def _total_s(result: Result, index: int, *, levers: bool) -> float | None:
    if len(result.loop) <= index:
        return None
    table = result.loop[index]
    return table.levers_p50_s if levers else table.p50_s


def _names(results: Sequence[Result]) -> list[str]:
    return [f"{result.model or '(no model)'} at {result.endpoint}" for result in results]


def _choices(
    results: Sequence[Result], steps: Sequence[Row], loops: Sequence[Row], rows: Sequence[Row]
) -> list[Choice]:
    found = [_choice(row.label, row) for row in steps]
    widest = next(row for row in rows if row.label == "best total rate")
    plain, _, levered, p95 = loops
    found += [
        _choice("race of candidates", widest),
        _choice("the whole loop", plain),
        _choice("the whole loop with hotloop", levered),
        _choice("the whole loop at its p95", p95),
    ]
    works = [index for index, result in enumerate(results) if result.prefix_cache.works]
    if len(works) == 1:
        why = "the only one whose prefix cache saves time"
        found.append(Choice(step="long conversations", number=works[0], why=why))
    return [choice for choice in found if choice is not None]


def _choice(step: str, row: Row) -> Choice | None:
    if row.best is None:
        return None
    best = row.values[row.best]
    others = [v for index, v in enumerate(row.values) if v is not None and index != row.best]
    next_best = (max if row.unit == "tok/s" else min)(others)
    why = f"{number(best, row.unit)} against {number(next_best, row.unit)}"
    return Choice(step=step, number=row.best, why=why)
