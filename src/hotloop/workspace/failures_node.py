"""Read the TAP output of node's test runner (`node --test --test-reporter=tap`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hotloop.workspace.failures import Failure, Frame, Report, failure, workspace_path

_MESSAGE_CHARS = 300
_POINT = re.compile(r"^( *)(not ok|ok) \d+(?: - (.*?))?( # (?:SKIP|TODO).*)?$")
_SUBTEST = re.compile(r"^( *)# Subtest: (.*)$")
_COUNT = re.compile(r"^# (tests|pass|fail|cancelled) (\d+)$", re.MULTILINE)
_JS_FRAME = re.compile(
    r"^\s*(?:at )?(?:(.+?) \()?((?:file://)?/[^():\n]+):(\d+)(?::\d+)?\)?$", re.MULTILINE
)
_JS_ERROR = re.compile(r"^(?:\w+ )?\[?(\w*Error)\b[^:\n]*: (.*)$", re.MULTILINE)


def parse_tap(output: str, root: Path) -> Report:
    """Read TAP 13 as node writes it: nested subtests, a YAML block after each result.

    What has none is read as the error of a file that could not be loaded.
    """
    counts = {found[1]: int(found[2]) for found in _COUNT.finditer(output)}
    failures = _Tap(root).read(output.splitlines()) if counts else [*_unloaded(output, root)]
    return Report(
        passed=counts.get("pass", 0),
        failed=counts.get("fail", len(failures)) + counts.get("cancelled", 0),
        failures=tuple(failures),
        no_tests=counts.get("tests") == 0,
    )


def _unloaded(output: str, root: Path) -> Iterator[Failure]:
    """Yield the failure of a file that was run alone and could not be loaded: there is no TAP."""
    found = _JS_ERROR.search(output)
    if found is None:
        return
    frames = js_frames(output, root)
    yield failure(
        frames[0].path if frames else "",
        f"{found[1]}: {found[2]}"[:_MESSAGE_CHARS],
        found[1],
        frames,
        "",
    )


class _Tap:
    """Walks TAP lines: the names of open subtests, the comments since the last result."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        self.comments: list[str] = []
        self.failures: list[Failure] = []

    def read(self, lines: list[str]) -> list[Failure]:
        at = 0
        while at < len(lines):
            at = self._line(lines, at)
        return self.failures

    def _line(self, lines: list[str], at: int) -> int:
        line = lines[at]
        if opened := _SUBTEST.match(line):
            self.names[len(opened[1]) // 4 :] = [opened[2]]
            return at + 1
        point = _POINT.match(line)
        if point is None:
            if line.startswith("# "):
                self.comments.append(line[2:])
            return at + 1
        fields, after = _yaml(lines, at + 1)
        self.names[len(point[1]) // 4 :] = [point[3] or ""]
        if point[2] == "not ok" and not point[4] and fields.get("failureType") != "subtestsFailed":
            self.failures.append(self._failure(fields))
        self.comments = []
        return after

    def _failure(self, fields: dict[str, str]) -> Failure:
        error = fields.get("error", "failed")
        stack = fields.get("stack", "")
        kind = fields.get("name", "")
        if not stack and "exitCode" in fields:
            stack = error = "\n".join(self.comments)
            if found := _JS_ERROR.search(error):
                kind, error = found[1], found[2]
        frames = js_frames(stack, self.root)
        file = workspace_path(fields.get("location", "").rsplit(":", 2)[0], self.root)
        name = " > ".join(name for name in self.names if not name.startswith("/"))
        test_id = f"{file}::{name}" if file and name else file or name
        detail = " ".join(error.split())
        message = detail if kind in detail else f"{kind}: {detail}"
        return failure(test_id, message[:_MESSAGE_CHARS], kind, frames, detail[:_MESSAGE_CHARS])


def _yaml(lines: list[str], at: int) -> tuple[dict[str, str], int]:
    """Read a `---` block of one-line values and `|-` texts; return it and the line after it."""
    if at >= len(lines) or lines[at].strip() != "---":
        return {}, at
    indent = len(lines[at]) - len(lines[at].lstrip())
    fields: dict[str, str] = {}
    key = ""
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if line.strip() == "..." and line.startswith(" " * indent + "..."):
            return fields, number + 1
        deeper = line[indent:]
        if deeper.startswith("  ") and key:
            fields[key] += f"\n{deeper[2:]}"
        elif ":" in deeper:
            key, _, value = deeper.partition(":")
            value = value.strip()
            fields[key] = "" if value in {"|-", "|"} else _unquoted(value)
        elif key:
            fields[key] += "\n"
    return fields, len(lines)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace("\\n", "\n").replace("\\'", "'").replace("''", "'")
    return value


def js_frames(stack: str, root: Path) -> list[Frame]:
    """Return the workspace frames of a JavaScript stack, outermost first."""
    frames = [
        Frame(path, int(found[3]), found[1] or "")
        for found in _JS_FRAME.finditer(stack)
        if (path := workspace_path(found[2], root))
    ]
    return frames[::-1]
