"""`hotloop trace`: what past sessions did and where their time went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from hotloop.ui.trace_cmd_whatif import what_if

if TYPE_CHECKING:
    from rich.console import Console

    from hotloop.ledger.fold import Summary
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
    from hotloop.ledger.report import fold, report
    from hotloop.ledger.store import Ledger

    if events and not as_json:
        raise UsageError("--events goes with --json", "add --json")
    ledger = Ledger()
    row = ledger.session(session)
    recorded = ledger.load(row.session)
    summary = fold(recorded)
    if not as_json:
        _print_session(row, summary)
        return
    parts: dict[str, object] = {"session": row}
    made = report(summary)
    parts |= {name: getattr(made, name) for name in made.__struct_fields__}
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


def _print_sessions(sessions: list[SessionRow]) -> None:
    from rich.table import Table
    from rich.text import Text

    from hotloop.ui.text import one_line, seconds

    console = _console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("session", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("wall", no_wrap=True, justify="right")
    table.add_column("calls", no_wrap=True, justify="right")
    table.add_column("goal", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in sessions:
        table.add_row(
            row.session,
            _local_time(row.started_at),
            row.status.replace("_", " "),
            seconds(row.wall_s),
            "-" if row.model_calls is None else str(row.model_calls),
            Text(one_line(row.goal, console.encoding)),
        )
    console.print(table)


def _print_session(row: SessionRow, summary: Summary) -> None:
    from rich.text import Text

    from hotloop.ledger.report import report
    from hotloop.ui.table import print_report
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


def _local_time(unix_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_s))
