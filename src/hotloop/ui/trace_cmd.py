"""`hotloop trace`: what past sessions did and where their time went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from hotloop.ui.trace_cmd_whatif import what_if

if TYPE_CHECKING:
    from rich.console import Console

    from hotloop.ledger.fold import Summary
    from hotloop.ledger.prefix import PrefixUse
    from hotloop.ledger.store import SessionRow


@click.group()
def trace() -> None:
    """Show past sessions and where their time went."""


trace.add_command(what_if)


@trace.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts.")
def list_sessions(limit: int, as_json: bool) -> None:
    """List the newest sessions, newest first."""
    from hotloop.ledger.store import Ledger

    sessions = Ledger().sessions(limit)
    if as_json:
        print_json(sessions)
        return
    if not sessions:
        click.echo("no session is recorded yet; run one: hotloop run GOAL")
        return
    _print_sessions(sessions)


@trace.command()
@click.argument("session", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.option("--events", is_flag=True, help="With --json: every event too.")
def show(session: str | None, as_json: bool, events: bool) -> None:
    """Show where the time of one session went: ID or its beginning, default the latest."""
    from hotloop.errors import UsageError
    from hotloop.ledger.prefix import prefix_use
    from hotloop.ledger.report import fold, report
    from hotloop.ledger.store import Ledger

    if events and not as_json:
        raise UsageError("--events goes with --json", "add --json")
    ledger = Ledger()
    row = ledger.session(session)
    recorded = ledger.load(row.session)
    summary = fold(recorded)
    if not as_json:
        _print_session(row, summary, prefix_use(recorded))
        return
    parts: dict[str, object] = {"session": row}
    made = report(summary)
    parts |= {name: getattr(made, name) for name in made.__struct_fields__}
    parts["prefix"] = prefix_use(recorded)
    if events:
        parts["events"] = recorded
    print_json(parts)


def print_json(value: object) -> None:
    """Print a value as one line of JSON, seconds rounded to microseconds."""
    import msgspec

    from hotloop.ledger.wire import rounded

    click.echo(msgspec.json.encode(rounded(msgspec.to_builtins(value))).decode())


def _console() -> Console:
    from hotloop.ui.terminal import make_console

    return make_console()


_HEADS = ("session", "started", "status", "wall", "calls", "goal")
_WHOLE = 1_000_000


def _print_sessions(sessions: list[SessionRow]) -> None:
    from rich.text import Text

    console = _console()
    rows = [_session_cells(row, console.encoding) for row in sessions]
    if not console.is_terminal:  # whatever reads this splits it: no column may be cut or folded
        for cells in (_HEADS, *rows):
            click.echo("\t".join(cells))
        return
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    for number, cells in enumerate((_HEADS, *rows)):
        *fixed, goal = cells
        padded = (cell.ljust(width) for cell, width in zip(fixed, widths, strict=False))
        line = Text("  ".join([*padded, goal]), style="" if number else "bold")
        console.print(line, no_wrap=True, overflow="ellipsis")


def _session_cells(row: SessionRow, encoding: str) -> tuple[str, ...]:
    from hotloop.ui.text import one_line, seconds

    return (
        row.session,
        _local_time(row.started_at),
        row.status.replace("_", " "),
        seconds(row.wall_s),
        "-" if row.model_calls is None else str(row.model_calls),
        one_line(row.goal, encoding, _WHOLE),
    )


def _print_session(row: SessionRow, summary: Summary, prefix: PrefixUse) -> None:
    from rich.text import Text

    from hotloop.ledger.report import report
    from hotloop.ui.table import prefix_lines, print_report
    from hotloop.ui.text import one_line

    console = _console()
    head = (
        f"session {row.session}, {_local_time(row.started_at)}, {row.status.replace('_', ' ')}",
        f"goal: {row.goal}",
        f"in {row.repo}, with {row.model} at {row.backend}",
    )
    notes = [f"{note.level}: {note.text}" for note in summary.notes if note.level != "info"]
    for text in (*head, *notes):
        console.print(Text(one_line(text, console.encoding)), soft_wrap=True)
    console.print()
    print_report(console, report(summary))
    for line in prefix_lines(prefix, console.width):
        console.print(Text(line))


def _local_time(unix_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_s))
