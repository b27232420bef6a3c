"""A probe's report and comparison on a terminal. Fits 100 columns. Imports rich."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotloop.ledger.report import LABELS
from hotloop.probe.compare import Comparison
from hotloop.probe.headlines import (
    headline,
    no_verdict,
    really_run,
    supported,
    table_title,
    unmeasured,
)
from hotloop.probe.present import PARTS, Line, facts, lines, number, span
from hotloop.probe.result import LeverGain, LoopTable, Result

_WIDTH = 100
_LEVERS = 12
_ABREAST = 3
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def print_result(console: Console, result: Result) -> None:
    """Print what a probe found: the verdict first, then the figures behind it."""
    _print(console, f"{result.model or '(no model)'} at {result.endpoint}", "bold")
    _print(console, headline(result), "dim")
    for defect in result.defects:
        _print(console, f"! {defect.text}", "yellow")
        if defect.next_step:
            _print(console, f"  next: {defect.next_step}", "yellow")
    if result.verdict is not None:
        _print(console, "")
        _print(console, result.verdict.text, "bold")
    elif no_verdict(result):
        _print(console, no_verdict(result), "bold")
    if really_run(result):
        _print(console, really_run(result), "bold")
    for table in result.loop:
        _loop(console, table)
    if result.verdict is not None:
        _levers(console, result.verdict.levers)
    for part, title in PARTS.items():
        _part(console, result, part, title)
    _supports(console, result)
    missing = list(unmeasured(result))
    if missing:
        _head(console, "Could not be measured")
        for name, why in missing:
            _print(console, f"{name}: {why}", "dim")


def print_comparison(console: Console, found: Comparison) -> None:
    """Print results side by side, and which to choose for what."""
    for number_, name in enumerate(found.names, 1):
        _print(console, f"{number_}: {name}", "bold")
    for start in range(0, len(found.names), _ABREAST):
        _print(console, "")
        console.print(_abreast(found, range(start, min(start + _ABREAST, len(found.names)))))
    _head(console, "Which for what")
    if not found.choices:
        _print(console, "no difference that matters")
    for choice in found.choices:
        _print(console, f"{choice.step}: {choice.number + 1} ({choice.why})")


def _abreast(found: Comparison, indices: range) -> Table:
    table = _grid("", *(str(index + 1) for index in indices))
    for row in found.rows:
        cells = [
            Text(
                f"{number(row.values[index], row.unit)}{_ratio(row.ratios[index])}",
                style="green" if index == row.best else "",
            )
            for index in indices
        ]
        table.add_row(Text(row.label), *cells)
    return table


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f" {ratio:.2f}x"


def _print(console: Console, text: str, style: str = "") -> None:
    width = min(console.width, _WIDTH)
    # Names and errors are the server's words: nothing in them may steer the terminal.
    clean = _CONTROLS.sub("", text).encode(console.encoding, "replace").decode(console.encoding)
    folded = textwrap.wrap(clean, width, subsequent_indent="  ", break_on_hyphens=False)
    for line in folded or [""]:
        console.print(Text(line, style=style))


def _head(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold cyan"))


def _grid(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    return table


def _loop(console: Console, table: LoopTable) -> None:
    _head(console, table_title(table))
    grid = _grid("step", "calls", "p50", "p95", "with levers p50", "p95")
    for row in table.rows:
        grid.add_row(
            LABELS[row.kind],
            str(row.calls or "-"),
            *(span(value) for value in (row.p50_s, row.p95_s)),
            *(span(value) for value in (row.levers_p50_s, row.levers_p95_s)),
        )
    totals = (table.p50_s, table.p95_s, table.levers_p50_s, table.levers_p95_s)
    cells = [
        Text(span(value), style="bold red" if value > table.budget_s else "bold green")
        for value in totals
    ]
    grid.add_row(Text(f"Total (budget {table.budget_s:g} s)", style="bold"), "", *cells)
    console.print(grid)
    if table.note:
        _print(console, table.note, "dim")
    if table.iterations == 1 and table.assumed:
        _print(console, f"levers assumed: {'; '.join(table.assumed)}", "dim")


def _levers(console: Console, gains: Sequence[LeverGain]) -> None:
    if not gains:
        return
    _head(console, "Levers, each alone on the article's loop")
    for gain in gains[:_LEVERS]:
        who = "hotloop" if gain.side == "hotloop" else "endpoint"
        _print(console, f"{span(gain.saved_s):>7}  {who:8}  {gain.lever}: {gain.because}")


def _part(console: Console, result: Result, part: str, title: str) -> None:
    found = [line for line in lines(result) if line.part == part]
    said = facts(result, part)
    if not found and not said:
        return
    _head(console, title)
    if found:
        console.print(_figures(found))
    match part:
        case "ttft" if result.ttft.points:
            console.print(_sizes(result))
        case "parallel" if result.parallel.fan_out:
            console.print(_fan_out(result))
        case _:
            pass
    for text in said:
        _print(console, text)


def _figures(found: Sequence[Line]) -> Table:
    grid = _grid("", "median", "p95", "p99", "spread", "n", "sure")
    for line in found:
        value = line.value
        if value is None:
            grid.add_row(Text(line.label), Text("-", style="dim"))
            continue
        in_seconds = line.unit == "s"
        label = line.label if in_seconds or not line.unit else f"{line.label}, {line.unit}"
        cells = (value.median, value.p95, value.p99, value.spread)
        grid.add_row(
            Text(label),
            *(number(cell, "s" if in_seconds else "") for cell in cells),
            str(value.count),
            Text(value.sure, style="" if value.sure == "high" else "yellow"),
        )
    return grid


def _sizes(result: Result) -> Table:
    grid = _grid("prompt tokens", "cold", "p95", "warm", "p95", "cached")
    for point in result.ttft.points:
        pairs = [(f.median, f.p95) if f else (None, None) for f in (point.cold_s, point.warm_s)]
        cached = "-" if point.cached_tokens is None else f"{point.cached_tokens:,}"
        grid.add_row(f"{point.input_tokens:,}", *(span(v) for pair in pairs for v in pair), cached)
    return grid


def _fan_out(result: Result) -> Table:
    grid = _grid("at once", "latency", "p95", "TTFT", "all done after", "total rate", "errors")
    for tried in result.parallel.fan_out:
        latency = tried.latency_s
        grid.add_row(
            str(tried.width),
            span(latency.median if latency else None),
            span(latency.p95 if latency else None),
            span(tried.ttft_s.median if tried.ttft_s else None),
            span(tried.wall_s),
            number(tried.total_tok_s, "tok/s"),
            str(tried.errors),
        )
    return grid


def _supports(console: Console, result: Result) -> None:
    if all(value is None for _, value in supported(result)):
        return
    _head(console, "Supports")
    marks = {True: "yes", False: "no", None: "?"}
    _print(console, ", ".join(f"{name}: {marks[value]}" for name, value in supported(result)))
    context = result.supports.context_tokens
    if context is not None:
        _print(console, f"context: {context:,} tokens")
    if result.verdict is not None:
        race = result.verdict.race_width
        width = "" if race is None else f", race width {race}"
        _print(console, f"for the agent: dialect {result.verdict.dialect or 'unknown'}{width}")
