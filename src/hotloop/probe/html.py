"""A probe's report as one HTML file: no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape

from hotloop.ledger.report import LABELS
from hotloop.probe.headlines import (
    headline,
    no_verdict,
    really_run,
    supported,
    table_title,
    unmeasured,
)
from hotloop.probe.html_charts import (
    cache_chart,
    fan_out_chart,
    timeline_chart,
    ttft_chart,
    waterfall_chart,
)
from hotloop.probe.present import PARTS, facts, lines, number, span
from hotloop.probe.result import Defect, LoopTable, Result

_STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1b1b1a; --soft: #62615d;
  --grid: #e5e4e0; --card: #f3f2ef; --cold: #2a6fc9; --warm: #118a5e; --wait: #a9c8ef;
  --ghost: #c4c2bc; --bad: #b3261e; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --page: #191918; --ink: #f1f0ed; --soft: #a9a7a1;
  --grid: #353431; --card: #242422; --cold: #62a0ee; --warm: #3fc08d; --wait: #36557d;
  --ghost: #5d5b56; --bad: #ff8a80; --warn: #f0b95b; } }
body { background: var(--page); color: var(--ink); margin: 0 auto; max-width: 60rem;
  padding: 1.5rem 1rem 4rem; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem;
  margin: 2.2rem 0 .5rem; } p { margin: .4rem 0; } .soft { color: var(--soft); }
.verdict { background: var(--card); border-left: 4px solid var(--cold); padding: .8rem 1rem;
  margin: 1rem 0; border-radius: 4px; } .verdict.over { border-color: var(--bad); }
.defect { color: var(--warn); } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child, td.why { text-align: left; } th { font-weight: 600; }
tr.total td { font-weight: 700; border-bottom: 0; } .over { color: var(--bad); }
svg { width: 100%; height: auto; display: block; margin: .6rem 0; }
svg text { fill: var(--ink); font-size: 12px; } svg .tick, svg .key { fill: var(--soft); }
svg .strong { font-weight: 700; } svg .value { fill: var(--soft); font-size: 11px; }
svg line { stroke: var(--soft); stroke-width: 1.5; } svg line.grid { stroke: var(--grid);
  stroke-width: 1; } svg line.budget { stroke: var(--bad); stroke-dasharray: 5 4; }
svg text.over { fill: var(--bad); } svg polyline { fill: none; stroke: var(--soft);
  stroke-width: 1.5; stroke-dasharray: 4 4; } svg line.piece { stroke: var(--cold);
  stroke-width: 1; } svg .cold { fill: var(--cold); } svg .warm { fill: var(--warm); }
svg .wait { fill: var(--wait); } svg .ghost { fill: var(--ghost); } svg .piece,
svg line.cold { fill: var(--cold); stroke: var(--cold); } svg line.warm { stroke: var(--warm); }
svg rect.fit { fill: var(--soft); }
"""

_CHARTS = {
    "ttft": ttft_chart,
    "decode": timeline_chart,
    "prefix_cache": cache_chart,
    "parallel": fan_out_chart,
}


def page(result: Result) -> str:
    """Return the report; it refers to no other file or address."""
    title = escape(f"{result.model or '(no model)'} at {result.endpoint}")
    body = "".join(
        [
            f"<h1>{title}</h1>",
            _text(f"{_when(result)}{headline(result)}", "soft"),
            *(_text(f"⚠ {_defect(defect)}", "defect") for defect in result.defects),
            _verdict(result),
            _loops(result),
            *(_part(result, part, heading) for part, heading in PARTS.items()),
            _supports(result),
            _missing(result),
        ]
    )
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>hotloop probe: {title}</title><style>{_STYLE}</style>"
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _defect(defect: Defect) -> str:
    return f"{defect.text} Next: {defect.next_step}" if defect.next_step else defect.text


def _when(result: Result) -> str:
    if not result.started_at:
        return ""
    return time.strftime("%Y-%m-%d %H:%M UTC, ", time.gmtime(result.started_at))


def _text(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def _verdict(result: Result) -> str:
    verdict = result.verdict
    if verdict is None:
        why = no_verdict(result)
        return _text(why, "verdict over") if why else ""
    race = "" if verdict.race_width is None else f", race width {verdict.race_width}"
    advice = f"For the agent: dialect {verdict.dialect or 'unknown'}{race}."
    kind = "verdict" if verdict.fits else "verdict over"
    return f'<div class="{kind}">{_text(verdict.text)}{_text(advice, "soft")}</div>'


def _loops(result: Result) -> str:
    if not result.loop:
        return ""
    parts = [f"<h2>The loop</h2>{waterfall_chart(result, result.loop[0].budget_s)}"]
    if really_run(result):
        parts.append(_text(really_run(result)))
    for table in result.loop:
        parts.append(f"<h2>{escape(table_title(table))}</h2>{_loop(table)}")
        if table.note:
            parts.append(_text(table.note, "soft"))
        if table.iterations == 1 and table.assumed:
            items = "".join(f"<li>{escape(text)}</li>" for text in table.assumed)
            parts.append(f'<p class="soft">Levers assumed:</p><ul class="soft">{items}</ul>')
    if result.verdict is not None and result.verdict.levers:
        rows = [
            [gain.lever, gain.side, span(gain.saved_s), gain.because]
            for gain in result.verdict.levers
        ]
        table = _table(["lever", "pulled by", "saves", "because"], rows, why=True)
        parts.append(f"<h2>Levers, each alone on the article's loop</h2>{table}")
    return "".join(parts)


def _loop(table: LoopTable) -> str:
    head = ["step", "calls", "p50", "p95", "with levers p50", "p95"]
    rows = [
        [
            LABELS[row.kind],
            str(row.calls or "-"),
            *map(span, (row.p50_s, row.p95_s, row.levers_p50_s, row.levers_p95_s)),
        ]
        for row in table.rows
    ]
    totals = (table.p50_s, table.p95_s, table.levers_p50_s, table.levers_p95_s)
    cells = "".join(
        f'<td class="{"over" if value > table.budget_s else ""}">{span(value)}</td>'
        for value in totals
    )
    last = f'<tr class="total"><td>Total (budget {table.budget_s:g} s)</td><td></td>{cells}</tr>'
    return _table(head, rows, last=last)


def _part(result: Result, part: str, heading: str) -> str:
    found = [line for line in lines(result) if line.part == part]
    said = facts(result, part)
    if not found and not said:
        return ""
    rows: list[list[str]] = []
    for line in found:
        value = line.value
        if value is None:
            rows.append([line.label, "not measured", "", "", "", "", line.missing])
            continue
        cells = (value.median, value.p95, value.p99, value.spread)
        doubt = "" if value.sure == "high" else f"unsure: {value.why or value.sure}"
        rows.append([line.label, *(number(c, line.unit) for c in cells), str(value.count), doubt])
    chart = _CHARTS[part](result) if part in _CHARTS else ""
    head = ["", "median", "p95", "p99", "spread", "n", ""]
    table = _table(head, rows, why=True) if rows else ""
    items = "".join(f"<li>{escape(text)}</li>" for text in said)
    return f"<h2>{escape(heading)}</h2>{chart}{table}<ul>{items}</ul>"


def _supports(result: Result) -> str:
    if all(value is None for _, value in supported(result)):
        return ""
    marks = {True: "yes", False: "no", None: "unknown"}
    rows = [[name, marks[value]] for name, value in supported(result)]
    context = result.supports.context_tokens
    if context is not None:
        rows.append(["context", f"{context:,} tokens"])
    return f"<h2>Supports</h2>{_table(['', ''], rows)}"


def _missing(result: Result) -> str:
    rows = [[name, why] for name, why in unmeasured(result)]
    if not rows:
        return ""
    return f"<h2>Could not be measured</h2>{_table(['figure', 'why'], rows, why=True)}"


def _table(
    head: Iterable[str], rows: Iterable[list[str]], *, why: bool = False, last: str = ""
) -> str:
    """Return a table; with `why` its last column is text."""

    def line(cells: list[str]) -> str:
        ends = [""] * (len(cells) - 1) + [' class="why"' if why else ""]
        pairs = zip(cells, ends, strict=True)
        return "".join(f"<td{end}>{escape(cell)}</td>" for cell, end in pairs)

    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{line(row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{names}</tr>{body}{last}</table></div>'
