"""One `hotloop run` from its arguments to its exit status, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import click

from hotloop.config import Config, load_config
from hotloop.errors import EnvironmentFault, HotloopError, UsageError
from hotloop.ledger.events import CallEnd, Event, Note, Outcome, SessionEnd, SessionStart
from hotloop.ledger.fold import Summary
from hotloop.ledger.store import Ledger
from hotloop.loop.opening import LocalModel, Opened, local_model, open_backend
from hotloop.loop.session import Session, new_session_id
from hotloop.probe.cached import Watch, load
from hotloop.ui.interrupts import INTERRUPTED, Interrupts
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent
from hotloop.workspace.undo import recover

if TYPE_CHECKING:
    from threading import Thread

    from hotloop.backend.retry import Retry
    from hotloop.ui.terminal import TerminalView

# Once an hour, some 10 ms of which most pass while views and ledger close.
_TIDYING_S = 0.25
_STATUS = {
    Outcome.SOLVED: 0,
    Outcome.UNSOLVED: 1,
    Outcome.OVER_BUDGET: 1,
    Outcome.ERROR: EnvironmentFault.exit_status,
}


class _View(Protocol):
    def __call__(self, event: Event) -> None: ...

    def close(self) -> str: ...


class Execution:
    """Runs one goal. With `as_json`, `session.end` is the last line of stdout in any case."""

    def __init__(
        self, goal: str, repo: str, overrides: Mapping[str, object], *, as_json: bool
    ) -> None:
        self._goal = goal
        self._repo = repo
        self._overrides = overrides
        self._as_json = as_json
        self._session = new_session_id()
        self._start_s = time.monotonic()
        self._outcome: Outcome | None = None
        self._config: Config | None = None
        self._interrupts = Interrupts()
        self._terminal: TerminalView | None = None
        self._view = self._open_view()
        self._watch = Watch(None)
        self._ledger = Ledger()
        self._record = self._ledger.sink(self._session)
        # Where the view's output is not on the user's screen, what went wrong still has to be.
        self._tell_faults = as_json or not sys.stdout.isatty()

    def run(self) -> int:
        """Run to the end and return the exit status; every error is told on stderr."""
        with self._interrupts.caught():
            try:
                return self._guarded()
            finally:
                self._interrupts.hold()
                self._close()

    def _guarded(self) -> int:
        try:
            self._interrupts.release()
            return self._run()
        except KeyboardInterrupt:
            return INTERRUPTED
        except HotloopError as error:
            _say(str(error))
            return error.exit_status
        except Exception as error:
            from hotloop.ui.crash import describe_crash

            _say(describe_crash(error))
            return 1

    def _run(self) -> int:
        workspace = Workspace(self._repo)
        config = self._config = load_config(workspace.root, os.environ, self._overrides)
        _check_levers(config)
        _recover(workspace)
        model = _fetch_model(config)
        return asyncio.run(self._main(workspace, config, model))

    async def _main(self, workspace: Workspace, config: Config, model: LocalModel | None) -> int:
        with self._interrupts.cancelling(asyncio.current_task()):
            try:
                opened = await open_backend(config, model, _say, _say_retry)
                try:
                    return await self._meet(workspace, config, opened)
                finally:
                    await opened.close()
            except asyncio.CancelledError:
                if self._outcome in (None, Outcome.ERROR):
                    return INTERRUPTED
                return _STATUS[self._outcome]  # it came too late: the session had ended

    async def _meet(self, workspace: Workspace, config: Config, opened: Opened) -> int:
        consent = self._consent(config)
        session = Session(self._goal, workspace, config, opened, self._emit, consent, self._session)
        outcome = await session.run()
        return session.fault.exit_status if session.fault is not None else _STATUS[outcome]

    # what is told --------------------------------------------------------------

    def _open_view(self) -> _View:
        if self._as_json:
            from hotloop.ui.jsonl import JsonLines

            return JsonLines(sys.stdout.buffer)
        from hotloop.ui.terminal import TerminalView

        self._terminal = TerminalView()
        return self._terminal

    def _emit(self, event: Event) -> None:
        if isinstance(event, SessionEnd):
            self._outcome = event.outcome
            self._interrupts.hold()
        self._record(event)
        self._view(event)
        if self._tell_faults and isinstance(event, Note) and event.level != "info":
            _say(event.text)
        self._compare_with_probe(event)

    def _compare_with_probe(self, event: Event) -> None:
        match event:
            case SessionStart():
                self._watch = Watch(load(event.backend, event.model))
            case CallEnd() if drifted := self._watch.seen(event):
                self._emit(Note(t_s=event.t_s, level="warning", text=drifted))
            case _:
                pass

    def _close(self) -> None:
        if self._as_json and self._outcome is None:  # it ended before there was a session
            wall_s = time.monotonic() - self._start_s
            self._view(Summary().session_end(Outcome.ERROR, self._session, wall_s))
        tidying = self._tidy_up()
        if failure := self._view.close():
            _say(failure)
        for note in self._ledger.close():
            _say(note.text)
        if tidying is not None:
            tidying.join(_TIDYING_S)

    def _tidy_up(self) -> Thread | None:
        if self._outcome is None or self._config is None:
            return None
        from hotloop.ui.tidying import tidy_up

        return tidy_up(self._config)

    # consent --------------------------------------------------------------------

    def _consent(self, config: Config) -> Consent:
        if config.yes:
            return Consent("yes")
        if self._terminal is None or not sys.stdin.isatty():
            return Consent("deny")
        return Consent("ask", self._ask)

    async def _ask(self, command: str) -> bool:
        from hotloop.ui.text import one_line

        if self._terminal is None:
            return False
        with self._terminal.suspended():
            question = f"Run without a sandbox: {one_line(command, width=2_000)}? [y/N] "
            click.echo(question, nl=False, err=True)
            answer = await _read_line()
        return answer.strip().lower() in ("y", "yes")


async def _read_line() -> str:
    """Read a line of the terminal in a way that can be cancelled, unlike a thread's `input`."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = sys.stdin.fileno()
    loop.add_reader(descriptor, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
        return os.read(descriptor, 4096).decode(errors="replace")
    finally:
        loop.remove_reader(descriptor)


def _check_levers(config: Config) -> None:
    if not config.without:
        return
    from hotloop.levers import NAMES

    unknown = [name for name in config.without if name not in NAMES]
    if unknown:
        raise UsageError(f"no lever {', '.join(unknown)}", f"there are: {', '.join(NAMES)}")


def _recover(workspace: Workspace) -> None:
    try:
        for name in recover(workspace.root):
            _say(f"removed {name}, which a session left when it was killed")
    except HotloopError as error:
        _say(str(error))


def _fetch_model(config: Config) -> LocalModel | None:
    """Return the embedded model's file, downloaded where need be; None with another backend."""
    ref = local_model(config)
    if ref is None:
        return None
    from hotloop.engine.download import ensure
    from hotloop.ui.models_cmd import show_progress

    with show_progress(ref.id) as report:
        return LocalModel(ref.id, ensure(ref, report))


def _say_retry(retry: Retry) -> None:
    _say(f"{retry.cause}; again in {retry.wait_s:.1f} s")


def _say(text: str) -> None:
    click.echo(f"hotloop: {text}", err=True)
