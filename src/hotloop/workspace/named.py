"""Definitions that failing tests name, directly or through others."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from hotloop.workspace.definitions import Definition, definitions
from hotloop.workspace.failures import Failure, is_test_path

_HOP = 0.7
_HOPS = 3
_IN_HELPER = 0.95
_FALLBACK_FILES = 100
_WORD = re.compile(r"[A-Za-z_]\w*")
_IMPORT_LINE = re.compile(r"^.*\b(?:import|from|require|use|mod|include)\b.*$", re.MULTILINE)


class Index:
    """Definitions of workspace files, read when asked for."""

    def __init__(self, root: Path, files: Collection[str]) -> None:
        self.root = root
        self.files = files
        self._texts: dict[str, str] = {}
        self._definitions: dict[str, list[Definition]] = {}

    def text(self, path: str) -> str:
        """Return a file's text, empty where it cannot be read."""
        if path not in self._texts:
            try:
                content = (self.root / path).read_text(encoding="utf-8", errors="replace")
            except OSError:
                content = ""
            self._texts[path] = content
        return self._texts[path]

    def of(self, path: str) -> list[Definition]:
        """Return a file's definitions."""
        if path not in self._definitions:
            self._definitions[path] = definitions(path, self.text(path))
        return self._definitions[path]

    def innermost(self, path: str, line: int) -> Definition | None:
        """Return the smallest definition around a line (from 1)."""
        around = [one for one in self.of(path) if one.start_line <= line <= one.end_line]
        return min(around, key=lambda one: one.end_byte - one.start_byte, default=None)

    def code(self, path: str, one: Definition) -> str:
        """Return a definition's text."""
        return self.text(path).encode()[one.start_byte : one.end_byte].decode(errors="replace")

    def imported(self, path: str) -> list[str]:
        """Return files that a file's import lines name, and theirs, nearest first."""
        seen = [path]
        for current in seen:
            seen += [one for one in self.imports(current) if one not in seen]
        return [one for one in seen if one != path or not is_test_path(path)]

    def imports(self, path: str) -> list[str]:
        """Return the files, without tests, that a file's own import lines name."""
        words = {*_WORD.findall("\n".join(_IMPORT_LINE.findall(self.text(path))))}
        return [one for one in self.files_named(words, path) if not is_test_path(one)]

    def files_named(self, words: set[str], importer: str) -> list[str]:
        """Return the files whose module names are among `words`; in Go, those of a package."""
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


def named(
    failures: Sequence[Failure], index: Index, goal: str
) -> dict[tuple[str, Definition], float]:
    """Return definitions that tests and goal name, directly or through others, with a nearness.

    It is 1 for a name on a failing line, and less with each definition in between.
    """
    scores: dict[tuple[str, Definition], float] = {}
    for failure in failures[:5]:
        words = _test_words(failure, index)
        paths = index.imported(failure.path) if failure.path else []
        paths = paths or [path for path in index.files if not is_test_path(path)][:_FALLBACK_FILES]
        _spread(words, paths, index, scores)
    _goal_names(goal, index, scores)
    return scores


def _test_words(failure: Failure, index: Index) -> dict[str, float]:
    """Return the names in a failing test, those of the failing line first."""
    lines = index.text(failure.path).splitlines() if failure.path else []
    if not lines:
        return dict.fromkeys(_WORD.findall(f"{failure.message} {failure.detail}"), 0.8)
    around = index.innermost(failure.path, failure.line)
    is_whole = around is None or around.kind == "class" or around.end_line - around.start_line > 60
    first = max(0, failure.line - 15) if is_whole or around is None else around.start_line - 1
    words = dict.fromkeys(_WORD.findall("\n".join(lines[first : failure.line])), 0.9)
    line = lines[failure.line - 1] if failure.line <= len(lines) else ""
    words |= dict.fromkeys(_WORD.findall(line), 1.0)
    return _helped(words, failure.path, around, index) | words


def _helped(
    words: dict[str, float], path: str, test: Definition | None, index: Index
) -> dict[str, float]:
    """Return the names in those helpers of a test's file that the test uses."""
    found: dict[str, float] = {}
    for one in index.of(path):
        if one.name in words and one != test and one.kind != "class":
            score = _IN_HELPER * words[one.name]
            found |= {
                word: max(score, found.get(word, 0.0))
                for word in _WORD.findall(index.code(path, one))
            }
    return found


def _spread(
    words: dict[str, float],
    paths: Sequence[str],
    index: Index,
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


def _goal_names(goal: str, index: Index, scores: dict[tuple[str, Definition], float]) -> None:
    words = {*_WORD.findall(goal)}
    for path in index.files:
        if is_test_path(path) or posixpath.basename(path) not in goal:
            continue
        for one in index.of(path):
            key = (path, one)
            scores[key] = max(scores.get(key, 0.0), 0.5 if one.name in words else 0.3)
