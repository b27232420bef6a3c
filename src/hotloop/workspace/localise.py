"""Where the fault may be: lines and definitions, most suspect first.

With executed lines of failing and passing tests, by Ochiai (Abreu, Zoeteweij, van Gemund 2006).
Without, by traceback, then by the names a failing test uses and the names used by those, then by
the names in the goal.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec

from hotloop.workspace.definitions import Definition, definitions
from hotloop.workspace.failures import Failure, is_test_path
from hotloop.workspace.missing import Missing, missing_names
from hotloop.workspace.testrun import TestOutcome
from hotloop.workspace.tracer import Trace

_FAR = 1_000_000
_HOP = 0.7
_HOPS = 3
_FALLBACK_FILES = 100
_IN_GOAL = 1.1
_WORD = re.compile(r"[A-Za-z_]\w*")
_IMPORT_LINE = re.compile(r"^.*\b(?:import|from|require|use|mod|include)\b.*$", re.MULTILINE)


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
        place: count / math.sqrt(failed * (count + passing[place]))
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
    inner = ([one for one in failure.frames if not is_test_path(one.path)] for failure in failures)
    return [(frames[-1].path, frames[-1].line) for frames in inner if frames]


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
    index = _Index(root, files)
    named = _named(outcome.failures, index, goal)
    scores: dict[tuple[str, Definition], float] = {}
    order: dict[tuple[str, Definition], int] = {}
    for position, suspect in enumerate(lines):
        around = index.innermost(suspect.path, suspect.line)
        if around is not None:
            key = (suspect.path, around)
            scores[key] = max(scores.get(key, 0.0), suspect.score)
            order.setdefault(key, position)
    traced = outcome.trace is not None and bool(scores)
    miscalled = _called_wrongly(outcome.failures, named)
    scores |= dict.fromkeys(miscalled, 1.0)
    for key, score in named.items():
        if not traced and key not in scores:
            scores[key] = 0.6 * score
    in_goal = [key for key in scores if _is_in_goal(key[1], goal)]
    scores |= {key: min(1.0, _IN_GOAL * scores[key]) for key in in_goal}
    deepest = {
        (path, index.innermost(path, line)) for path, line in _deepest_frames(outcome.failures)
    }

    def place(key: tuple[str, Definition]) -> tuple[float, bool, bool, float, int]:
        nearness = -named.get(key, 0.0)
        first = (key not in miscalled, key not in deepest)
        return (-scores[key], *first, nearness, order.get(key, _FAR))

    return [
        SuspectDefinition(path, one.qualified_name, one.start_line, one.end_line, scores[path, one])
        for path, one in sorted(scores, key=place)
    ]


def _is_in_goal(one: Definition, goal: str) -> bool:
    """Say whether a goal names a definition as code: `name`, name(…), or a name of two words."""
    name = re.escape(one.name)
    has_two_words = "_" in one.name.strip("_") or re.search(r"[a-z][A-Z]", one.name)
    return bool(re.search(rf"\b{name}\(|`{name}`" + rf"|\b{name}\b" * bool(has_two_words), goal))


_WRONG_CALL = re.compile(r"(\w+)\(\) (?:got an unexpected|got multiple|takes|missing)")


def _called_wrongly(
    failures: Iterable[Failure], named: Collection[tuple[str, Definition]]
) -> list[tuple[str, Definition]]:
    """Return functions that do not take the arguments given: they never ran, so no trace."""
    names = {name for one in failures for name in _WRONG_CALL.findall(one.message)}
    return [key for key in named if key[1].name in names]


class _Index:
    """Definitions of workspace files, read when asked for."""

    def __init__(self, root: Path, files: Collection[str]) -> None:
        self.root = root
        self.files = files
        self._texts: dict[str, str] = {}
        self._definitions: dict[str, list[Definition]] = {}

    def text(self, path: str) -> str:
        if path not in self._texts:
            try:
                content = (self.root / path).read_text(encoding="utf-8", errors="replace")
            except OSError:
                content = ""
            self._texts[path] = content
        return self._texts[path]

    def of(self, path: str) -> list[Definition]:
        if path not in self._definitions:
            self._definitions[path] = definitions(path, self.text(path))
        return self._definitions[path]

    def innermost(self, path: str, line: int) -> Definition | None:
        around = [one for one in self.of(path) if one.start_line <= line <= one.end_line]
        return min(around, key=lambda one: one.end_byte - one.start_byte, default=None)

    def code(self, path: str, one: Definition) -> str:
        return self.text(path).encode()[one.start_byte : one.end_byte].decode(errors="replace")

    def imported(self, path: str) -> list[str]:
        """Return files that a file's import lines name, and theirs, nearest first."""
        seen = [path]
        for current in seen:
            words = {*_WORD.findall("\n".join(_IMPORT_LINE.findall(self.text(current))))}
            near = self.files_named(words, current)
            seen += [one for one in near if one not in seen and not is_test_path(one)]
        return [one for one in seen if one != path or not is_test_path(path)]

    def files_named(self, words: set[str], importer: str) -> list[str]:
        folder = posixpath.dirname(importer)
        return [
            path
            for path in self.files
            if _stem(path) in words or (path.endswith(".go") and posixpath.dirname(path) == folder)
        ]


def _stem(path: str) -> str:
    stem = posixpath.basename(path).partition(".")[0]
    is_package = stem in {"__init__", "index", "mod"}
    return posixpath.basename(posixpath.dirname(path)) if is_package else stem


def _named(
    failures: Sequence[Failure], index: _Index, goal: str
) -> dict[tuple[str, Definition], float]:
    """Return definitions that failing tests name, directly or through others, with a nearness."""
    scores: dict[tuple[str, Definition], float] = {}
    for failure in failures[:5]:
        words = _test_words(failure, index)
        paths = index.imported(failure.path) if failure.path else []
        paths = paths or [path for path in index.files if not is_test_path(path)][:_FALLBACK_FILES]
        _spread(words, paths, index, scores)
    _goal_names(goal, index, scores)
    return scores


def _test_words(failure: Failure, index: _Index) -> dict[str, float]:
    """Return the names in a failing test, those of the failing line first."""
    lines = index.text(failure.path).splitlines() if failure.path else []
    if not lines:
        return dict.fromkeys(_WORD.findall(f"{failure.message} {failure.detail}"), 0.8)
    around = index.innermost(failure.path, failure.line)
    is_whole = around is None or around.kind == "class" or around.end_line - around.start_line > 60
    first = max(0, failure.line - 15) if is_whole or around is None else around.start_line - 1
    words = dict.fromkeys(_WORD.findall("\n".join(lines[first : failure.line])), 0.9)
    line = lines[failure.line - 1] if failure.line <= len(lines) else ""
    return words | dict.fromkeys(_WORD.findall(line), 1.0)


def _spread(
    words: dict[str, float],
    paths: Sequence[str],
    index: _Index,
    scores: dict[tuple[str, Definition], float],
) -> None:
    """Follow names from definition to definition; each hop is less suspect."""
    by_name: dict[str, list[tuple[str, Definition]]] = {}
    for path in paths:
        for one in index.of(path):
            by_name.setdefault(one.name, []).append((path, one))
    for _ in range(_HOPS):
        reached: dict[str, float] = {}
        for word, score in words.items():
            for key in by_name.get(word, []):
                if scores.get(key, 0.0) >= score or is_test_path(key[0]):
                    continue
                scores[key] = score if key[1].kind != "class" else 0.9 * score
                for used in _WORD.findall(index.code(*key)) if key[1].kind != "class" else []:
                    reached[used] = max(reached.get(used, 0.0), _HOP * score)
        words = reached


def _goal_names(goal: str, index: _Index, scores: dict[tuple[str, Definition], float]) -> None:
    words = {*_WORD.findall(goal)}
    for path in index.files:
        if is_test_path(path) or posixpath.basename(path) not in goal:
            continue
        for one in index.of(path):
            key = (path, one)
            scores[key] = max(scores.get(key, 0.0), 0.5 if one.name in words else 0.3)
