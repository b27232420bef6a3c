"""Ctrl-C, SIGTERM and SIGHUP: each ends a run in good order, whenever it comes."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Generator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

INTERRUPTED = 130
"""The exit status of a command that was interrupted."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S = 2.0


def defer() -> None:
    """Let signals wait until `Interrupts.release`: an import that is broken off tells nothing."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


class Interrupts:
    """What a signal does: cancel the task that is named, else raise KeyboardInterrupt.

    While the run cleans up, another signal is ignored for two seconds, so that an impatient
    second Ctrl-C does not break the cleaning off; after `hold` none is taken any more.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[int] | None = None
        self._cancelled_s = float("-inf")

    @contextlib.contextmanager
    def caught(self) -> Generator[Interrupts]:
        """Handle the signals in the body. One that is ignored (`nohup`) stays so."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        caught = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
        for number in caught:
            signal.signal(number, self._handle)
        try:
            yield self
        finally:
            self.hold()
            for number in caught:
                signal.signal(number, before[number])
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def release(self) -> None:
        """Take signals from now on, those that were deferred first."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def hold(self) -> None:
        """Take no signal any more: the little that is left ends by itself."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    @contextlib.contextmanager
    def cancelling(self, task: asyncio.Task[int] | None) -> Generator[None]:
        """Let signals cancel a task while the body runs."""
        self._task = task
        try:
            yield
        finally:
            self._task = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if now_s - self._cancelled_s < _PATIENCE_S:
            return
        self._cancelled_s = now_s
        if self._task is None:
            raise KeyboardInterrupt
        # Not task.cancel() alone: the loop may be asleep in select, which would go on.
        self._task.get_loop().call_soon_threadsafe(self._task.cancel)
