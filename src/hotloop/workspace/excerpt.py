"""The failing part of a test run for a model: as few lines as say what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

from hotloop.workspace.failures import Failure

LINE_CHARS = 200
"""Characters of a line that are shown."""
_LINES_BEFORE = 6
_STATEMENT_LINES = 8
_DETAIL_LINES = 6
_SHOWN_FRAMES = 4


def excerpt(one: Failure, root: Path) -> str:
    """Return a failure as few lines: the test up to its failing line, values, frames, message."""
    lines = [f"FAIL {one.test_id}".rstrip()]
    sources: dict[str, list[str]] = {}
    if one.path:
        lines[0] += (
            f" ({one.path}:{one.line})" if one.path not in one.test_id else f" line {one.line}"
        )
        before = _LINES_BEFORE if one.test_id else _LINES_BEFORE // 3
        lines += _test_lines(_source(one.path, root, sources), one.line, before)
    detail = [line for line in one.detail.splitlines() if _says_something(line)] or [one.message]
    lines += [f"E {line[:LINE_CHARS]}" for line in detail[:_DETAIL_LINES]]
    inner = [frame for frame in one.frames if (frame.path, frame.line) != (one.path, one.line)]
    for frame in inner[-_SHOWN_FRAMES:]:
        source = _source(frame.path, root, sources)
        code = source[frame.line - 1].strip() if frame.line <= len(source) else ""
        where = f" in {frame.function}" if frame.function else ""
        lines.append(f"at {frame.path}:{frame.line}{where}: {code[:LINE_CHARS]}")
    return "\n".join(lines)


_NOISE = re.compile(r"use -v|omitting \d+ identical| object at 0x|<built-in|<bound method", re.I)
_IDENTITY = re.compile(r"\s*\+\s+(?:where|and)\s+(.+) = \1")


def _says_something(line: str) -> bool:
    """Leave out pytest's hints and what it says of objects without a value."""
    where = line.lstrip().startswith("+ ") and _NOISE.search(line)
    hint = _NOISE.search(line) and not line.startswith(("assert ", "E"))
    return bool(line.strip(" ?^+-")) and not where and not hint and not _IDENTITY.fullmatch(line)


def _source(path: str, root: Path, cache: dict[str, list[str]]) -> list[str]:
    if path not in cache:
        try:
            cache[path] = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            cache[path] = []
    return cache[path]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _test_lines(source: list[str], line: int, before: int) -> list[str]:
    """Return the lines from the opening of the block around `line` to it, at most a few.

    Works by indentation, so it serves every language whose tests are indented blocks.
    """
    if not 0 < line <= len(source):
        return []
    at = first = line - 1
    margin = _indent(source[at])
    while first > 0 and at - first < before and margin > 0:
        first -= 1
        if source[first].strip() and _indent(source[first]) < margin:
            break
    chosen = [text for text in source[first:at] if text.strip()]
    chosen += _statement(source, at)
    strip = min(_indent(text) for text in chosen)
    return [f"  {text[strip:][:LINE_CHARS]}" for text in chosen]


def _statement(source: list[str], at: int) -> list[str]:
    """Return the line and what continues it until its brackets close, at most a few lines."""
    lines: list[str] = []
    depth = 0
    for text in source[at : at + _STATEMENT_LINES]:
        lines.append(text)
        depth += sum(text.count(mark) for mark in "([{") - sum(text.count(mark) for mark in ")]}")
        if depth <= 0 and not text.rstrip().endswith(":"):
            break
    return lines
