"""What tests expect of code that is not there yet: the whole tests, not up to where they fail."""

from __future__ import annotations

import re
import textwrap

from hotloop.loop.focus import first_failures
from hotloop.workspace.definitions import enclosing
from hotloop.workspace.failures import Failure
from hotloop.workspace.root import Workspace
from hotloop.workspace.testrun import TestOutcome

_MOST_TESTS = 3
_MOST_CHARS = 1_200
_TEST_LINES = 40
_OPENS_TEST = re.compile(r"\s*(?:test|it)(?:\.\w+)?\(")


def whole_tests(workspace: Workspace, outcome: TestOutcome) -> str:
    """Return the sources of the first failing tests with their errors, about 1,200 characters.

    A test that fails because a name is missing stops there; what it checks stands below.
    """
    shown: dict[str, str] = {}
    for one in outcome.failures:
        source = _source(workspace, one)
        if source and source not in shown and sum(map(len, shown)) + len(source) < _MOST_CHARS:
            shown[source] = one.message
        if len(shown) == _MOST_TESTS:
            break
    if not shown:
        return first_failures(outcome, _MOST_TESTS)
    return "\n\n".join(f"{source}\nE {message}" for source, message in shown.items())


def _source(workspace: Workspace, failure: Failure) -> str:
    """Return the test that a failure is in, empty where it is not found."""
    if not failure.path or not (workspace.root / failure.path).is_file():
        return ""
    text = workspace.read_text(failure.path).text
    lines = text.split("\n")
    around = enclosing(failure.path, text, failure.line)
    if around is not None and around.kind in {"function", "method"}:
        span = lines[around.start_line - 1 : around.end_line]
    else:
        span = _called(lines, failure.line)
    return textwrap.dedent("\n".join(span)).rstrip() if len(span) <= _TEST_LINES else ""


def _called(lines: list[str], line: int) -> list[str]:
    """Return the lines of the call `test(…)` or `it(…)` around a line (from 1)."""
    first = next((at for at in range(line - 1, -1, -1) if _OPENS_TEST.match(lines[at])), None)
    if first is None:
        return []
    indent = len(lines[first]) - len(lines[first].lstrip())
    for at in range(first + 1, len(lines)):
        text = lines[at]
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            return lines[first : at + 1]
    return lines[first:]
