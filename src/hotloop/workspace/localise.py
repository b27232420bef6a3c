"""Where the fault may be: lines and definitions, most suspect first.

With executed lines of failing and passing tests, by Ochiai (Abreu, Zoeteweij, van Gemund 2006)
times the root of the share of failing tests that run a line: mostly one fault is behind them all.
Without, by traceback, then by the names a failing test uses and the names used by those, then by
the names in the goal.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec

from hotloop.workspace.definitions import Definition
from hotloop.workspace.failures import Failure, Frame, is_test_path
from hotloop.workspace.goal_words import emphasis
from hotloop.workspace.missing import Missing, missing_names
from hotloop.workspace.named import Index, named
from hotloop.workspace.testrun import TestOutcome
from hotloop.workspace.tracer import Trace

_FAR = 1_000_000
_RAISES = 1.15


class Suspect(msgspec.Struct, frozen=True):
    """A line that may hold the fault; `score` is 0 to 1."""

    path: str
    line: int
    score: float


class SuspectDefinition(msgspec.Struct, frozen=True):
    """A definition that may hold the fault; lines count from 1 and are inclusive."""

    path: str
    name: str
    start_line: int
    end_line: int
    score: float


class Localisation(msgspec.Struct, frozen=True):
    """What is suspect, most suspect first, and what has to be added first of all."""

    lines: tuple[Suspect, ...] = ()
    definitions: tuple[SuspectDefinition, ...] = ()
    missing: tuple[Missing, ...] = ()


def localise(
    outcome: TestOutcome, root: Path, files: Collection[str], goal: str = ""
) -> Localisation:
    """Rank the workspace's lines and definitions by a failed run; `files` are its source files."""
    lines = rank(outcome, outcome.trace, files)
    found = rank_definitions(outcome, lines, root, files, goal)
    missing = missing_names(outcome.failures, root, files)
    return Localisation(tuple(lines), tuple(found), tuple(missing))


def rank(outcome: TestOutcome, trace: Trace | None, files: Collection[str]) -> list[Suspect]:
    """Return suspect lines: by Ochiai where there is a trace, else by traceback.

    Ties go to the line closest to an exception's deepest frame outside the tests.
    """
    scores = _ochiai(trace, files) if trace else {}
    if not scores:
        scores = _by_frames(outcome.failures)
    deepest = _deepest_frames(outcome.failures)

    def distance(place: tuple[str, int]) -> int:
        same = (abs(place[1] - line) for path, line in deepest if path == place[0])
        return min(same, default=_FAR)

    ordered = sorted(scores, key=lambda place: (-scores[place], distance(place), place))
    return [Suspect(path, line, scores[path, line]) for path, line in ordered]


def _ochiai(trace: Trace, files: Collection[str]) -> dict[tuple[str, int], float]:
    failing: Counter[tuple[str, int]] = Counter()
    passing: Counter[tuple[str, int]] = Counter()
    failed = sum(test.outcome == "failed" for test in trace.tests)
    for test in trace.tests:
        counter = failing if test.outcome == "failed" else passing
        if test.outcome in {"failed", "passed"}:
            counter.update((path, line) for path, lines in test.lines.items() for line in lines)
    return {
        place: count / failed * math.sqrt(count / (count + passing[place]))
        for place, count in failing.items()
        if not files or place[0] in files
    }


def _by_frames(failures: Iterable[Failure]) -> dict[tuple[str, int], float]:
    scores: dict[tuple[str, int], float] = {}
    for failure in failures:
        inner = [frame for frame in reversed(failure.frames) if not is_test_path(frame.path)]
        for depth, frame in enumerate(inner):
            place = (frame.path, frame.line)
            scores[place] = max(scores.get(place, 0.0), 0.9**depth)
    return scores


def _deepest_frames(failures: Iterable[Failure]) -> list[tuple[str, int]]:
    """Return where exceptions were raised: each test's last one, and the one that caused it.

    A cause's traceback comes first and does not begin in the test.
    """
    found: list[Frame] = []
    for failure in failures:
        own = [not is_test_path(one.path) for one in failure.frames]
        cause = own.index(False) if False in own else 0
        inner = [one for one, is_own in zip(failure.frames, own, strict=True) if is_own]
        found += [*failure.frames[:cause][-1:], *inner[-1:]]
    return [(one.path, one.line) for one in found]


def rank_definitions(
    outcome: TestOutcome,
    lines: Sequence[Suspect],
    root: Path,
    files: Collection[str],
    goal: str = "",
) -> list[SuspectDefinition]:
    """Return suspect definitions: those around suspect lines, then those that tests and goal name.

    A definition's score is that of its most suspect line. Ties go to the one around an
    exception's deepest frame, then to the one that a failing test is nearer to by name.
    """
    index = Index(root, files)
    naming = named(outcome.failures, index, goal)
    scores: dict[tuple[str, Definition], float] = {}
    order: dict[tuple[str, Definition], int] = {}
    for position, suspect in enumerate(lines):
        around = index.innermost(suspect.path, suspect.line)
        if around is not None:
            key = (suspect.path, around)
            scores[key] = max(scores.get(key, 0.0), suspect.score)
            order.setdefault(key, position)
    traced = outcome.trace is not None and bool(scores)
    miscalled = _called_wrongly(outcome.failures, naming)
    scores |= dict.fromkeys(miscalled, 1.0)
    for key, score in naming.items():
        if not traced and key not in scores:
            scores[key] = 0.6 * score
    deepest = {
        (path, index.innermost(path, line)) for path, line in _deepest_frames(outcome.failures)
    }
    scores = {
        key: min(1.0, score * emphasis(key[1].name, goal) * (_RAISES if key in deepest else 1.0))
        for key, score in scores.items()
    }

    def place(key: tuple[str, Definition]) -> tuple[float, bool, bool, float, int]:
        nearness = -naming.get(key, 0.0)
        first = (key not in miscalled, key not in deepest)
        return (-scores[key], *first, nearness, order.get(key, _FAR))

    return [
        SuspectDefinition(path, one.qualified_name, one.start_line, one.end_line, scores[path, one])
        for path, one in sorted(scores, key=place)
    ]


_WRONG_CALL = re.compile(r"(\w+)\(\) (?:got an unexpected|got multiple|takes|missing)")


def _called_wrongly(
    failures: Iterable[Failure], naming: Collection[tuple[str, Definition]]
) -> list[tuple[str, Definition]]:
    """Return functions that do not take the arguments given: they never ran, so no trace."""
    names = {name for one in failures for name in _WRONG_CALL.findall(one.message)}
    return [key for key in naming if key[1].name in names]
