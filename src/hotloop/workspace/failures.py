"""Read test output: which tests failed, where, and with what message.

One parser per framework turns a run's output into a `Report`. This file has the types, Python's
parsers and the choice among them; `failures_compiled.py` and `failures_node.py` have the others.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

_FOREIGN = re.compile(r"(^|/)(site-packages|dist-packages|node_modules|\.venv|venv)/")
_TEST_PATH = re.compile(
    r"(^|/)(tests?|__tests__|spec)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest)\.\w+$|[.\-](test|spec)\.[cm]?[jt]sx?$"
)


class Frame(msgspec.Struct, frozen=True):
    """One line of a traceback. `path` is relative to the workspace, `line` counts from 1."""

    path: str
    line: int
    function: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A test that failed, or a file that could not be tested at all.

    `message` is one line, `detail` the compared values as the framework shows them, `frames` the
    traceback inside the workspace, outermost first; `path` and `line` are where the test itself
    stands. `excerpt` is the failing part for a model.
    """

    test_id: str
    message: str
    kind: str = ""
    path: str = ""
    line: int = 0
    frames: tuple[Frame, ...] = ()
    detail: str = ""
    excerpt: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a test run's output says. `errors` counts what broke outside a test's own body."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    failures: tuple[Failure, ...] = ()
    no_tests: bool = False


Parser = Callable[[str, Path], Report]


def is_test_path(path: str) -> bool:
    """Say whether a workspace-relative path is a test's, by its name."""
    return bool(_TEST_PATH.search(path))


def workspace_path(path: str, root: Path) -> str:
    """Return a path relative to the workspace, empty when it is outside or a library's."""
    path = path.removeprefix("file://")
    if path.startswith(os.sep):
        base = f"{os.path.realpath(root)}/"
        real = os.path.realpath(path)
        relative = real.removeprefix(base) if real.startswith(base) else ""
    else:
        relative = os.path.normpath(path)
    if not relative or relative.startswith("..") or _FOREIGN.search(relative):
        return ""
    return relative if (root / relative).is_file() else ""


def failure(
    test_id: str, message: str, kind: str, frames: list[Frame], detail: str = ""
) -> Failure:
    """Build a `Failure`; its place is in the test's own function, else the deepest in a test
    file, else the deepest."""
    in_tests = [frame for frame in frames if is_test_path(frame.path)]
    own = [frame for frame in in_tests if frame.function and frame.function in test_id]
    place = (own or in_tests or frames or [Frame("", 0)])[-1]
    return Failure(
        test_id=test_id,
        message=message.strip(),
        kind=kind,
        path=place.path,
        line=place.line,
        frames=tuple(frames),
        detail=detail.strip("\n"),
    )


_KIND = re.compile(r"([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning|Exit|Failed)|Failed)\b:?")


def python_kind(message: str) -> str:
    """Return the exception's name at the start of a message; a bare `assert …` is one too."""
    if message.startswith("assert "):
        return "AssertionError"
    found = _KIND.match(message)
    return found[1].rsplit(".", 1)[-1] if found else ""


_PYTEST_SECTION = re.compile(r"^=+ (ERRORS|FAILURES|.*summary info) =+$", re.MULTILINE)
_PYTEST_HEADER = re.compile(r"^_{2,} (.+?) _{2,}$", re.MULTILINE)
_PYTEST_FRAME = re.compile(r"^(\S[^\n:]*\.py):(\d+): (?:in (\S+))?", re.MULTILINE)
_PYTEST_SUMMARY = re.compile(r"^(FAILED|ERROR) (\S+?\.py(?:::.*)?)$", re.MULTILINE)
_PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?)\b")
_DUMP_FRAME = re.compile(r'^  File "(.+?)", line (\d+) in (\S+)', re.MULTILINE)


def parse_pytest(output: str, root: Path) -> Report:
    """Read the output of pytest with `--tb=short -rfE`, or what there is of it."""
    marks = [*_PYTEST_SECTION.finditer(output)]
    sections = [(mark[1], text) for mark, text in _split(output, marks)]
    tail = next((text for name, text in sections if name.endswith("info")), "")
    ids = deque(match[2] for match in _PYTEST_SUMMARY.finditer(tail))
    failures: list[Failure] = []
    for _, text in reversed([one for one in sections if one[0] in {"ERRORS", "FAILURES"}]):
        failures += _pytest_blocks(text, ids, root)
    last = output.rstrip().rpartition("\n")[2]
    counts = {found[2].rstrip("s"): int(found[1]) for found in _PYTEST_COUNT.finditer(last)}
    return Report(
        passed=counts.get("passed", 0),
        failed=counts.get("failed", 0),
        errors=counts.get("error", 0),
        failures=tuple(failures),
        no_tests="no tests ran" in last or last.endswith("deselected"),
    )


def _split(text: str, marks: list[re.Match[str]]) -> list[tuple[re.Match[str], str]]:
    """Pair each mark with the text after it, up to the next mark."""
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [(mark, text[mark.end() : end]) for mark, end in zip(marks, ends, strict=False)]


def _pytest_blocks(text: str, ids: deque[str], root: Path) -> list[Failure]:
    found: list[Failure] = []
    for header, block in _split(text, [*_PYTEST_HEADER.finditer(text)]):
        name = re.sub(r"^ERROR (?:collecting|at setup of|at teardown of) ", "", header[1])
        found.append(_pytest_failure(_take_id(name, ids), block, root))
    return found


def _take_id(name: str, ids: deque[str]) -> str:
    """Find a block's test id in the summary, where it is followed by ` - message`."""
    for known in ids:
        file, _, rest = known.partition("::")
        if rest.replace("::", ".").startswith(name) or file == name:
            ids.remove(known)
            length = len(name) + rest[: len(name)].count("::")
            return f"{file}::{rest[:length]}" if rest else file
    return name


def _pytest_failure(test_id: str, block: str, root: Path) -> Failure:
    body = re.split(r"^-+ Captured ", block, maxsplit=1, flags=re.MULTILINE)[0]
    frames = [
        Frame(path, int(found[2]), found[3] or "")
        for found in _PYTEST_FRAME.finditer(body)
        if (path := workspace_path(found[1], root))
    ]
    lines = [
        line[1:].removeprefix("   ") for line in body.splitlines() if re.match(r"E( |$)", line)
    ]
    syntax = re.search(r'File "(.+?)", line (\d+)', "\n".join(lines))
    if syntax and (path := workspace_path(syntax[1], root)):
        frames.append(Frame(path, int(syntax[2])))
    kind = next((kind for line in lines if (kind := python_kind(line))), "")
    message = next((line for line in lines if kind and python_kind(line)), "")
    message = message or (lines or body.strip().splitlines() or [""])[0]
    return failure(test_id, message, kind, frames, "\n".join(lines))


_UNITTEST_BLOCK = re.compile(
    r"^={70}\n(FAIL|ERROR): (.+?)\n(.*?)-{70}\n(.*?)(?=^={70}$|^-{70}$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PYTHON_FRAME = re.compile(r'^  File "(.+?)", line (\d+)(?:, in (\S+))?', re.MULTILINE)


def parse_unittest(output: str, root: Path) -> Report:
    """Read the output of `python -m unittest`."""
    failures = [
        _unittest_failure(block[2], block[4], root) for block in _UNITTEST_BLOCK.finditer(output)
    ]
    ran = re.search(r"^Ran (\d+) tests?", output, re.MULTILINE)
    counts = {
        found[1]: int(found[2])
        for found in re.finditer(r"\b(failures|errors|skipped|expected failures)=(\d+)", output)
    }
    failed, errors = counts.get("failures", 0), counts.get("errors", 0)
    total = int(ran[1]) if ran else 0
    return Report(
        passed=max(0, total - failed - errors - counts.get("skipped", 0)),
        failed=failed,
        errors=errors,
        failures=tuple(failures),
        no_tests=bool(ran) and total == 0,
    )


def _unittest_failure(title: str, block: str, root: Path) -> Failure:
    name, _, place = title.partition(" (")
    place = place.partition(")")[0]
    test_id = place if place.endswith(f".{name}") or not place else f"{place}.{name}"
    trace, message_lines = _split_python_trace(block)
    frames = python_frames(trace, root)
    message = next((line for line in message_lines if python_kind(line)), "")
    message = message or (message_lines or [""])[0]
    detail = "\n".join(message_lines)
    return failure(
        test_id.removeprefix("unittest.loader._FailedTest."),
        message,
        python_kind(message),
        frames,
        detail,
    )


def _split_python_trace(block: str) -> tuple[str, list[str]]:
    """Split a traceback into its frames and the lines of the exception after them."""
    start = block.rfind("Traceback (most recent call last)")
    lines = block[max(start, 0) :].rstrip().splitlines()
    after = next(
        (at for at, line in enumerate(lines) if at and not line.startswith(" ")), len(lines)
    )
    return "\n".join(lines), lines[after:]


def python_frames(text: str, root: Path) -> list[Frame]:
    """Return the workspace frames of a Python traceback, outermost first."""
    return [
        Frame(path, int(found[2]), found[3] or "")
        for found in _PYTHON_FRAME.finditer(text)
        if (path := workspace_path(found[1], root))
    ]


def hanging_frames(output: str, root: Path) -> list[Frame]:
    """Return where a hanging Python test was, from faulthandler's dump, outermost first."""
    frames = [
        Frame(path, int(found[2]), found[3])
        for found in _DUMP_FRAME.finditer(output)
        if (path := workspace_path(found[1], root))
    ]
    return frames[::-1]
