"""The article's table at the end of a run, and the lines under it. Imports rich."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotloop.ledger.critical import CriticalPath
from hotloop.ledger.events import StepKind
from hotloop.ledger.prefix import LOW, PrefixUse
from hotloop.ledger.report import Report, Row, Totals
from hotloop.ui.text import one_line, percent, seconds, tokens

_COLUMNS = ("count", "time", "budget", "share", "TTFT", "in", "cached", "out", "tok/s")
_WIDE = 100
_SHOWN_S = 0.005
_SHOWN_CALLS = 8


def print_report(console: Console, report: Report) -> None:
    """Print table, totals, critical path and lever accounts. Fits 80 columns, best on 100."""
    console.print(_table(report, wide=console.width >= _WIDE))
    for line, style in _lines(report, console.encoding):
        folded = textwrap.fill(line, console.width, subsequent_indent="  ")
        console.print(Text(folded, style=style))


def _table(report: Report, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2 if wide else 1, 0, 0))
    table.add_column("step", no_wrap=True, header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True, header_style="bold")
    for row in report.rows:
        table.add_row(*_cells(row), style=_style(row))
    table.add_row(*_total_cells(report.totals), style="bold")
    return table


def _style(row: Row) -> str:
    if row.over_budget:
        return "yellow"
    return "" if row.count or row.kind is None else "dim"


def _cells(row: Row) -> tuple[str, ...]:
    counted = row.kind is StepKind.TOOL_CALLS
    return (
        f"{row.label} ({row.tool_runs})" if counted else row.label,
        str(row.count),
        _time(row.time_s if row.count else None, row.over_budget),
        seconds(row.budget_s),
        percent(row.share) if row.count else "-",
        *_model_cells(row),
    )


def _total_cells(totals: Totals) -> tuple[str, ...]:
    return (
        "Total",
        str(totals.steps),
        _time(totals.wall_s, totals.over_budget),
        seconds(totals.budget_s),
        percent(1.0),
        *_model_cells(totals),
    )


def _model_cells(row: Row | Totals) -> tuple[str, ...]:
    used = row.input_tokens or row.output_tokens
    counts = (row.input_tokens, row.cached_tokens, row.output_tokens)
    rate = row.tokens_per_s
    return (
        seconds(row.ttft_s),
        *(tokens(count) if used else "-" for count in counts),
        "-" if rate is None else f"{rate:.1f}" if rate < 1000 else f"{rate:.0f}",
    )


def _time(value_s: float | None, over: bool) -> str:
    return f"{seconds(value_s)}{'!' if over else ' '}"


def _lines(report: Report, encoding: str) -> list[tuple[str, str]]:
    lines = [("", ""), (_total_line(report.totals), _outcome_style(report.totals))]
    if any(row.over_budget for row in report.rows) or report.totals.over_budget:
        lines.insert(0, ("! over its budget", "yellow"))
    totals = report.totals
    if totals.mean_wait_s is not None:
        calls = f"{totals.model_calls} call{'s' * (totals.model_calls != 1)}"
        mean = f"{totals.mean_wait_s:.2f} s over {calls} ({seconds(totals.model_wait_s)})"
        lines.append((f"mean wait per model call: {mean}", ""))
    lines.append((_path_line(report.critical_path), ""))
    for lever in report.levers:
        account = f"lever {lever.lever}: saved {seconds(lever.saved_s)}"
        account += f", wasted {seconds(lever.wasted_s)}"
        detail = f" ({lever.detail})" if lever.detail else ""
        lines.append((one_line(account + detail, encoding), ""))
    return lines


def _total_line(totals: Totals) -> str:
    outcome = totals.outcome.replace("_", " ")
    if totals.budget_s is None:
        return f"{outcome} in {seconds(totals.wall_s)}"
    left_s = totals.budget_s - totals.wall_s
    against = f"{seconds(abs(left_s))} {'over' if totals.over_budget else 'under'}"
    return (
        f"{outcome} in {seconds(totals.wall_s)}, {against} the budget of {seconds(totals.budget_s)}"
    )


def _outcome_style(totals: Totals) -> str:
    return "bold green" if totals.outcome == "solved" else "bold red"


def _path_line(path: CriticalPath) -> str:
    parts = (
        f"{name} {seconds(value_s)} ({percent(path.shares[name])})"
        for name, value_s in path.seconds.items()
        if value_s >= _SHOWN_S
    )
    return f"critical path: {', '.join(parts) or '-'}"


def prefix_lines(prefix: PrefixUse, width: int) -> list[str]:
    """Return what is to be said of cached tokens against possible ones, in lines of a width."""
    if prefix.share is None:
        return []
    if not prefix.reported:
        return ["prefix: the endpoint reports no cached tokens"]
    lines = [f"prefix: {percent(prefix.share)} of the tokens sent before came from the cache"]
    low = [
        f"call {one.call}: {tokens(one.cached_tokens)} of {tokens(one.possible_tokens or 0)}"
        f" ({percent(one.share or 0.0)})"
        for one in prefix.calls
        if one.call in prefix.low_calls
    ]
    if low:
        shown = low[:_SHOWN_CALLS]
        more = [f"{len(low) - len(shown)} more"] if len(low) > len(shown) else []
        lines.append(f"below {percent(LOW)}: {', '.join([*shown, *more])}")
    return [textwrap.fill(line, width, subsequent_indent="  ") for line in lines]
