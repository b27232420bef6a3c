"""A recomputed session beside the recorded one, for a screen or a script. Imports rich."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotloop.ledger.critical import CATEGORIES, CriticalPath
from hotloop.ledger.report import Report, report
from hotloop.ledger.store import SessionRow
from hotloop.ledger.undo_lever import Verdict
from hotloop.ledger.whatif import Projection
from hotloop.ui.text import one_line, percent, seconds

_SHOWN_S = 0.005


def as_parts(row: SessionRow, projection: Projection, profile: str) -> dict[str, object]:
    """Return the parts of the JSON form."""
    before, after = report(projection.before), report(projection.after)
    return {
        "session": row,
        "profile": profile or None,
        "without": projection.lever.lever if projection.lever else None,
        "before": _report_parts(before),
        "after": _report_parts(after),
        "sure_share": projection.sure_share,
        "notes": projection.notes,
        "lever": projection.lever,
    }


def print_projection(
    console: Console, row: SessionRow, projection: Projection, profile: str
) -> None:
    """Print both tables' times side by side, the critical paths, and how sure it is."""
    before, after = report(projection.before), report(projection.after)
    lever = projection.lever
    # What only an account tells, or nothing, is in no timeline: the table is with the lever on.
    undone = lever is not None and lever.how in ("measured", "estimated")
    changed = [f"on {profile}"] if profile else []
    changed += [f"without {lever.lever}"] if lever and undone else []
    if changed:
        head = f"session {row.session} ({row.model}), as if {' and '.join(changed)}"
        console.print(Text(one_line(head, console.encoding), style="bold"))
        console.print(_table(before, after))
    lines = _lines(projection, before, after, computed=bool(profile)) if changed else []
    lines[1 if lines else 0 : 0] = [_lever_line(lever)] if lever else []
    for line in lines:
        shown = one_line(line, console.encoding, width=1_000)
        console.print(Text(textwrap.fill(shown, console.width, subsequent_indent="  ")))


def _report_parts(made: Report) -> dict[str, object]:
    return {"rows": made.rows, "totals": made.totals, "critical_path": made.critical_path}


def _table(before: Report, after: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("step", no_wrap=True, header_style="bold")
    for name in ("count", "recorded", "what if", "change", "TTFT", "what if"):
        table.add_column(name, justify="right", no_wrap=True, header_style="bold")
    moved = {row.kind: row for row in after.rows}
    for old in before.rows:
        new = moved[old.kind]
        cells = _cells(old.label, old.count, old.time_s, new.time_s, old.ttft_s, new.ttft_s)
        table.add_row(*cells, style="" if old.count or old.kind is None else "dim")
    old, new = before.totals, after.totals
    cells = _cells("Total", old.steps, old.wall_s, new.wall_s, old.ttft_s, new.ttft_s)
    table.add_row(*cells, style="bold")
    return table


def _cells(
    label: str,
    count: int,
    old_s: float,
    new_s: float,
    old_ttft_s: float | None,
    new_ttft_s: float | None,
) -> tuple[str, ...]:
    if not count:
        return (label, str(count), "-", "-", "-", seconds(old_ttft_s), seconds(new_ttft_s))
    change = f"{new_s - old_s:+.1f} s" if abs(new_s - old_s) >= 0.05 else "-"
    times = (seconds(old_s), seconds(new_s), change)
    return (label, str(count), *times, seconds(old_ttft_s), seconds(new_ttft_s))


def _lines(projection: Projection, before: Report, after: Report, *, computed: bool) -> list[str]:
    lines = ["", _path_line(before.critical_path, after.critical_path)]
    old_s, new_s = before.totals.mean_wait_s, after.totals.mean_wait_s
    if old_s is not None and new_s is not None:
        lines.append(f"mean wait per model call: {old_s:.2f} s -> {new_s:.2f} s")
    if computed:
        sure = percent(projection.sure_share)
        lines.append(f"how sure: {sure} from reported token counts and measured tools")
    lines += [f"- {note}" for note in projection.notes]
    return lines


def _path_line(before: CriticalPath, after: CriticalPath) -> str:
    parts = (
        f"{name} {_changed(before.seconds[name], after.seconds[name])}"
        for name in CATEGORIES
        if max(before.seconds[name], after.seconds[name]) >= _SHOWN_S
    )
    return f"critical path: {', '.join(parts) or '-'}"


def _changed(old_s: float, new_s: float) -> str:
    old, new = seconds(old_s), seconds(new_s)
    return old if old == new else f"{old} -> {new}"


def _lever_line(lever: Verdict) -> str:
    if lever.worth_s is None or lever.without_s is None:
        return f"lever {lever.lever}: cannot be known from this session: {lever.why}"
    sign = "worth" if lever.worth_s >= 0 else "cost"
    text = f"lever {lever.lever}: {sign} {seconds(abs(lever.worth_s))} ({lever.how}): "
    return f"{text}{seconds(lever.without_s)} without it; {lever.why}"
