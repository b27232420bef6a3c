"""`hotloop run`: one goal, shown as it is met, or told as JSON lines."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from hotloop.config import Config, load_config
from hotloop.errors import EnvironmentFault
from hotloop.ledger.events import Emit, Event, Outcome
from hotloop.ledger.store import Ledger
from hotloop.loop.opening import Opened, open_backend
from hotloop.loop.session import Session, find_workspace, new_session_id
from hotloop.workspace.sandbox import Consent

if TYPE_CHECKING:
    from hotloop.backend.retry import Retry
    from hotloop.ui.terminal import TerminalView

_INTERRUPTED = 130
_STATUS = {
    Outcome.SOLVED: 0,
    Outcome.UNSOLVED: 1,
    Outcome.OVER_BUDGET: 1,
    Outcome.ERROR: EnvironmentFault.exit_status,
}


class _Sink(Protocol):
    def __call__(self, event: Event) -> None: ...

    def close(self) -> str: ...


@click.command()
@click.argument("goal")
@click.option("--repo", default=".", show_default=True, help="The repository to work in.")
@click.option("--test", help="The test command; found by itself where not given.")
@click.option("--budget", type=float, help="Seconds the session may take (default 20).")
@click.option("--backend", help="Base URL of an OpenAI-compatible endpoint, or `embedded`.")
@click.option("--model", help="The model's name; for the embedded one an id, a path or hf:….")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")
@click.option("--yes", is_flag=True, help="Run commands even where there is no sandbox.")
@click.option("--dialect", help="auto, native, schema, terse or fenced.")
@click.option("--think", help="Think and act in one call (with) or in two (apart).")
@click.option("--without", multiple=True, metavar="LEVER", help="Switch a lever off.")
def run(
    goal: str,
    repo: str,
    test: str | None,
    budget: float | None,
    backend: str | None,
    model: str | None,
    as_json: bool,
    yes: bool,
    dialect: str | None,
    think: str | None,
    without: Sequence[str],
) -> int:
    """Meet GOAL in a repository: read, edit, run tests, until they pass."""
    if not goal.strip():
        raise click.UsageError("the goal is empty")
    workspace = find_workspace(Path(repo))
    overrides: dict[str, object] = {
        "test": test,
        "budget_s": budget,
        "backend": backend,
        "model": model,
        "yes": yes or None,
        "dialect": dialect,
        "think": think,
        "without": list(without) or None,
    }
    config = load_config(workspace.root, os.environ, overrides)
    _check_levers(config)
    from hotloop.workspace.undo import recover

    for text in recover(workspace.root):
        click.echo(f"hotloop: {text}", err=True)
    return _Run(goal, config, as_json).execute(workspace.root)


def _check_levers(config: Config) -> None:
    from hotloop.levers import NAMES

    unknown = [name for name in config.without if name not in NAMES]
    if unknown:
        raise click.UsageError(f"no lever {', '.join(unknown)}; there are: {', '.join(NAMES)}")


class _Run:
    """One run: its sinks, its session, its exit status."""

    def __init__(self, goal: str, config: Config, as_json: bool) -> None:
        self._goal = goal
        self._config = config
        self._ledger = Ledger()
        self._session = new_session_id()
        self._view: TerminalView | None = None
        self._shown = self._open_view(as_json)
        self._emit: Emit = self._fan_out(self._ledger.sink(self._session), self._shown)
        self._say_events: list[str] = []

    def _open_view(self, as_json: bool) -> _Sink:
        if as_json:
            from hotloop.ui.jsonl import JsonLines

            return JsonLines(sys.stdout.buffer)
        from hotloop.ui.terminal import TerminalView

        self._view = TerminalView()
        return self._view

    def _fan_out(self, *sinks: Emit) -> Emit:
        def emit(event: Event) -> None:
            for sink in sinks:
                sink(event)

        return emit

    def execute(self, root: Path) -> int:
        """Run to the end and return the exit status."""
        try:
            return asyncio.run(self._main(root))
        except KeyboardInterrupt:
            return _INTERRUPTED
        finally:
            for note in self._ledger.close():
                click.echo(f"hotloop: {note.text}", err=True)
            if failure := self._shown.close():
                click.echo(f"hotloop: {failure}", err=True)

    async def _main(self, root: Path) -> int:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        opened = await self._open()
        try:
            session = Session(
                self._goal,
                find_workspace(root),
                self._config,
                opened,
                self._emit,
                self._consent(),
                self._session,
            )
            outcome = await session.run()
        except asyncio.CancelledError:
            if task is not None:
                task.uncancel()
            return _INTERRUPTED
        finally:
            await opened.close()
        if session.fault is not None:
            return session.fault.exit_status
        return _STATUS[outcome]

    async def _open(self) -> Opened:
        return await open_backend(self._config, _say, _Progress(), self._on_retry)

    def _on_retry(self, retry: Retry) -> None:
        click.echo(f"hotloop: {retry.cause}; again in {retry.wait_s:.1f} s", err=True)

    def _consent(self) -> Consent:
        if self._config.yes:
            return Consent("yes")
        if self._view is None or not sys.stdin.isatty():
            return Consent("deny")
        return Consent("ask", self._ask)

    async def _ask(self, command: str) -> bool:
        def question() -> bool:
            return click.confirm(f"Run without a sandbox: {command}?", err=True)

        if self._view is None:
            return False
        with self._view.suspended():
            return await asyncio.to_thread(question)


def _say(text: str) -> None:
    click.echo(f"hotloop: {text}", err=True)


class _Progress:
    """Shows a download; opened at its first word, so that nothing is imported without one."""

    def __init__(self) -> None:
        self._last = -1

    def __call__(self, phase: str, done_bytes: int, total_bytes: int) -> None:
        """Print every tenth of the way."""
        tenth = 10 * done_bytes // max(1, total_bytes)
        if tenth != self._last:
            self._last = tenth
            click.echo(f"hotloop: {phase} {10 * tenth} % of {total_bytes >> 20} MiB", err=True)
