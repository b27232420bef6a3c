"""Tests of candidates, of which there can be dozens: counted while they run, told in one line."""

from __future__ import annotations

from hotloop.ledger.events import (
    EditApplied,
    Event,
    SessionEnd,
    StepEnd,
    TestsRun,
    ToolEnd,
    ToolStart,
)
from hotloop.ui.text import seconds


class TrialsLine:
    """Takes the events of candidates under test away from the view, and sums them up."""

    def __init__(self) -> None:
        self._steps: set[int] = set()
        self._actions: set[str] = set()
        self._tested = 0
        self._green = 0
        self._tests_s = 0.0

    def takes(self, event: Event) -> bool:
        """Say whether an event is that of a candidate's test; if so it is counted."""
        match event:
            case ToolStart(lever="race"):
                self._steps.add(event.step)
                self._actions.add(event.action)
                return True
            case StepEnd():
                return event.step in self._steps
            case ToolEnd():
                return event.action in self._actions
            case TestsRun() if event.action in self._actions:
                self._tested += 1
                self._green += event.green
                self._tests_s += event.duration_s
                return True
            case _:
                return False

    @property
    def count(self) -> str:
        """Return how many were tested, for the status line; empty for none."""
        return f"{self._tested} candidate{'s' * (self._tested != 1)} tested" if self._tested else ""

    def summary(self, event: Event) -> tuple[str, str] | None:
        """Return the line and its style when an event says that the candidates are judged."""
        if not self._tested or not _ends_it(event):
            return None
        verdict = "one passes" if self._green else "none passes all tests"
        line = f"{self.count} ({seconds(self._tests_s)} of tests): {verdict}"
        style = "green" if self._green else "red"
        self._tested = self._green = 0
        self._tests_s = 0.0
        return f"{event.t_s:7.1f} s  {line}", style


def _ends_it(event: Event) -> bool:
    match event:
        case EditApplied() | SessionEnd():
            return True
        case ToolStart(tool="test"):
            return event.lever != "race"
        case _:
            return False
