"""Lever `overlap_tests`: tests run beside the model, and no longer than their verdict needs.

The tests as they are run while the model writes its first answer. An edit may not change files
under a run, so that run is cut short when the edit is there and a failure is known already. After
an edit, the tests that failed before run first, then the others: where the first still fail, the
verdict is red and the rest can wait. Green is only said of a run of all tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hotloop.levers.prefetch import Read, tests_of
from hotloop.workspace.failures import is_test_path
from hotloop.workspace.testrun import TestOutcome


def failed_so_far(path: Path) -> tuple[str, ...]:
    """Return the ids of tests that a run under way has written to `path` as they failed."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
    except FileNotFoundError:
        return ()
    return tuple(dict.fromkeys(line[:-1] for line in lines if line.endswith("\n")))


class Priority:
    """Which tests run first, and what that saved against a run of all of them.

    `files` and `read` give the workspace's files; they are asked for only where no failing test
    is known.
    """

    def __init__(self, files: Callable[[], Sequence[str]], read: Read) -> None:
        self._files = files
        self._read = read
        self._failing: tuple[str, ...] = ()
        self._cut_s: list[float] = []
        self._whole_s: float | None = None
        self._is_stuck = False

    def cut(self, failing: Sequence[str], duration_s: float) -> None:
        """Note a run that was ended after `duration_s` because some tests had failed."""
        self._failing = tuple(failing)
        self._cut_s.append(duration_s)

    def first(self, edited: Sequence[str]) -> tuple[str, ...]:
        """Return the tests to begin with: those that failed, else those of the edited files.

        None after an edit that changed nothing about them: they may have nothing to do with the
        goal, and hide what has.
        """
        if self._is_stuck:
            self._is_stuck = False
            return ()
        if self._failing:
            return self._failing
        sources = [path for path in edited if not is_test_path(path)]
        return tuple(tests_of(sources, self._files(), self._read)) if sources else ()

    def take(self, outcome: TestOutcome, *, first: Sequence[str] = ()) -> None:
        """Note a run that ended by itself; with `first` a red one may have left out tests."""
        failing = tuple(one.test_id for one in outcome.failures if one.test_id)
        if not outcome.green and first:
            self._is_stuck = {*failing} == {*self._failing}
            self._failing = failing or self._failing
            self._cut_s.append(outcome.duration_s)
            return
        self._failing = failing
        self._whole_s = outcome.duration_s

    @property
    def saved_s(self) -> float:
        """Return the seconds that runs were shorter than one of all tests.

        0 where there was none to compare with.
        """
        if self._whole_s is None:
            return 0.0
        return sum(max(0.0, self._whole_s - cut_s) for cut_s in self._cut_s)

    @property
    def run_s(self) -> float:
        """Return the seconds of a run of all tests, of the longest run where there was none."""
        return self._whole_s or max(self._cut_s, default=0.0)

    @property
    def cut_runs(self) -> int:
        """Return how many runs ended before all tests had run, or may have."""
        return len(self._cut_s)
