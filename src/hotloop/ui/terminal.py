"""The view of a running session: queues events, draws them on a thread of its own."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from hotloop.ledger.drain import Drain
from hotloop.ledger.events import CallStart, Event
from hotloop.ui.pipes import discard

if TYPE_CHECKING:
    from rich.console import Console

    from hotloop.ui.screen import Screen

TICK_S = 0.1
# rich takes some 50 ms of processor to import: better when the first request is on its way.
PATIENCE_S = 0.25
AFTER_REQUEST_S = 0.03
_PLAIN_WIDTH = 100


def make_console(stream: TextIO | None = None) -> Console:
    """Return a console on a stream (default: standard output). NO_COLOR takes colours away.

    Where the stream is no terminal, lines are 100 columns wide. Imports rich.
    """
    from rich.console import Console

    class PipedConsole(Console):
        """rich ends the process when the reader is gone; here only the output ends."""

        def on_broken_pipe(self) -> None:
            self.quiet = True
            discard(self.file)
            raise  # the BrokenPipeError that rich is handling

    out = sys.stdout if stream is None else stream
    width = None if out.isatty() else _PLAIN_WIDTH
    return PipedConsole(file=out, width=width, highlight=False, markup=False, emoji=False)


class TerminalView:
    """A sink that shows a session: live on a terminal, else as plain lines; then the table.

    `console_factory` is called on the view's thread, so that rich is imported there.
    """

    def __init__(self, console_factory: Callable[[], Console] = make_console) -> None:
        self._drain: Drain[Event | _Pause] = Drain("hotloop-view", _Painter(console_factory))

    def __call__(self, event: Event) -> None:
        """Queue an event; returns within microseconds and never raises."""
        self._drain.put(event)

    @contextmanager
    def suspended(self, timeout_s: float = 2.0) -> Generator[None]:
        """Take the status line away while the body asks the user something on the terminal."""
        pause = _Pause()
        self._drain.put(pause)
        if self._drain.failure is None:
            pause.reached.wait(timeout_s)
        try:
            yield
        finally:
            pause.over.set()

    def close(self, timeout_s: float = 5.0) -> str:
        """Draw the rest and leave the terminal as it was; return why output is missing, if so."""
        if not self._drain.close(timeout_s):
            return f"the terminal took no output for {timeout_s:.0f} s"
        failure = self._drain.failure
        if failure is None or isinstance(failure, BrokenPipeError):
            return ""
        return f"the view failed: {failure!r}"


class _Pause:
    def __init__(self) -> None:
        self.reached = threading.Event()
        self.over = threading.Event()


class _Painter:
    """The drain's worker: opens the screen, shows events and ticks its clock at 10 Hz at most."""

    def __init__(self, factory: Callable[[], Console]) -> None:
        self._factory = factory
        self._screen: Screen | None = None
        self._waiting: list[Event | _Pause] = []
        self._open_at = float("inf")
        self._draw_at = float("-inf")
        self._origin = float("inf")

    def work(self, batch: list[Event | _Pause], flush: bool) -> float | None:
        """Show what came, or keep it until it is time to draw again."""
        now = time.monotonic()
        for item in batch:
            self._note_time(item, now)
        self._waiting.extend(batch)
        if self._screen is None and not self._waiting:
            return None
        due_at = self._open_at if self._screen is None else self._draw_at
        if now < due_at and not flush:
            return due_at - now
        if self._screen is None:
            self._screen = self._open()
        self._paint(self._screen)
        if not self._screen.has_clock:
            return None
        self._screen.tick(time.monotonic() - self._origin)
        self._draw_at = time.monotonic() + TICK_S
        return TICK_S

    def finish(self) -> None:
        """Leave the terminal as it was."""
        if self._screen is not None:
            self._screen.stop()

    def _note_time(self, item: Event | _Pause, now: float) -> None:
        if isinstance(item, _Pause):
            self._open_at = self._draw_at = now
            return
        self._origin = min(self._origin, now - item.t_s)
        patience_s = AFTER_REQUEST_S if isinstance(item, CallStart) else PATIENCE_S
        self._open_at = min(self._open_at, now + patience_s)

    def _open(self) -> Screen:
        from hotloop.ui.screen import make_screen

        return make_screen(self._factory())

    def _paint(self, screen: Screen) -> None:
        events: list[Event] = []
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            if not isinstance(item, _Pause):
                events.append(item)
                continue
            screen.show(events)
            events.clear()
            screen.stop()
            item.reached.set()
            item.over.wait()
        screen.show(events)
