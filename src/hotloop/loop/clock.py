"""What every part of a running session shares: its clock, its sink, its step numbers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator
from contextlib import contextmanager

from hotloop.ledger.events import Emit, Note, StepEnd, StepKind, StepStart
from hotloop.loop.budget import Budget


class OpenStep:
    """A step that has begun. Its kind may change until it ends."""

    def __init__(self, number: int, kind: StepKind) -> None:
        self.number = number
        self.kind = kind


class SessionClock:
    """Monotonic time since the session's start, and the events that steps emit."""

    def __init__(self, emit: Emit, budget: Budget) -> None:
        self.emit = emit
        self.budget = budget
        self._steps = itertools.count(1)
        self._calls = itertools.count(1)

    def now_s(self) -> float:
        """Return seconds since the session started."""
        return time.monotonic() - self.budget.start_s

    def next_call(self) -> int:
        """Return a new number for a model call."""
        return next(self._calls)

    @contextmanager
    def step(self, kind: StepKind) -> Generator[OpenStep]:
        """Emit the start and the end of a step around the body."""
        step = OpenStep(next(self._steps), kind)
        start_s = self.now_s()
        self.emit(
            StepStart(t_s=start_s, step=step.number, kind=kind, budget_s=self.budget.share_s(kind))
        )
        try:
            yield step
        finally:
            end_s = self.now_s()
            self.emit(
                StepEnd(
                    t_s=end_s,
                    step=step.number,
                    kind=step.kind,
                    start_s=start_s,
                    duration_s=end_s - start_s,
                    budget_s=self.budget.share_s(step.kind),
                )
            )

    def note(self, text: str, level: str = "info") -> None:
        """Tell the user something. `level` is `info`, `warning` or `error`."""
        match level:
            case "warning":
                self.emit(Note(t_s=self.now_s(), level="warning", text=text))
            case "error":
                self.emit(Note(t_s=self.now_s(), level="error", text=text))
            case _:
                self.emit(Note(t_s=self.now_s(), level="info", text=text))
