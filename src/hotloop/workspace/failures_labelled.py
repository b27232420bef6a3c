"""Failures that a test program reports only by a label: find it in the tests' sources."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hotloop.workspace.failures import Failure, Frame, failure, is_test_path

_MOST_FOLDERS = 500
_MOST_FILES = 50
_MOST_BYTES = 100_000
_MOST_FAILURES = 20
_LEAST_CHARS = 3
_SKIPPED = re.compile(r"\.|node_modules$|build$|dist$|target$")
_TROUBLE = re.compile(r"\b(?:expected|fail\w*|error|wrong|not ok)\b|[✕✗✖×]", re.IGNORECASE)
_BEFORE = re.compile(r"(?:\W|\d|\b(?:fail\w*|error|not ok|tests?|check|in)\b)*", re.IGNORECASE)
_LITERAL = re.compile(r"([\"'`])((?:\\.|(?!\1)[^\\\n])+)\1")


def labelled_failures(output: str, root: Path) -> list[Failure]:
    """Return failures for output lines like `rounding: expected 5, got 4` or `FAIL rounding`.

    The label is a text in quotes, or a function's name, in a test file; the failure is placed
    where that stands.
    """
    lines = [line.strip() for line in output.splitlines() if _TROUBLE.search(line)]
    labels: dict[str, Frame] = {}
    for label, frame in _labels(root) if lines else ():
        labels.setdefault(label, frame)
    ordered = sorted(labels, key=len, reverse=True)
    found: list[Failure] = []
    for line in lines:
        label = next((one for one in ordered if _begins_with(line, one)), None)
        if label is not None:
            found.append(failure("", line, "", [labels[label]]))
    return found[:_MOST_FAILURES]


def _begins_with(line: str, label: str) -> bool:
    """Say whether a label is the first thing in a line that is not a word for failing."""
    at = line.find(label)
    end = at + len(label)
    is_whole = not (line[:at][-1:].isalnum() or line[end : end + 1].isalnum())
    return at >= 0 and is_whole and _BEFORE.fullmatch(line, 0, at) is not None


def _labels(root: Path) -> Iterator[tuple[str, Frame]]:
    for path in _test_files(root):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            for found in _LITERAL.finditer(line):
                if len(found[2]) >= _LEAST_CHARS and "%" not in found[2]:
                    yield found[2], Frame(path, number)
            if named := re.match(r"\s*(?:[\w*]+\s+)+\*?(\w{3,})\(", line):
                yield named[1], Frame(path, number)


def _test_files(root: Path) -> list[str]:
    found: list[str] = []
    for folder, folders, names in itertools.islice(os.walk(root), _MOST_FOLDERS):
        folders[:] = sorted(name for name in folders if not _SKIPPED.match(name))
        paths = [(Path(folder) / name).relative_to(root).as_posix() for name in sorted(names)]
        found += [path for path in paths if is_test_path(path) and _is_small(root / path)]
    return found[:_MOST_FILES]


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MOST_BYTES
