from __future__ import annotations

from pathlib import Path

import pytest

from hotloop.loop.expected import whole_tests
from hotloop.workspace.failures import Failure
from hotloop.workspace.root import Workspace
from hotloop.workspace.testrun import TestOutcome as Outcome

PYTHON = """import roll


class TestRoll:
    def test_by_voice(self):
        groups = roll.by_voice([])
        assert groups == {"alto": []}


def test_other():
    assert roll.by_voice(["x"])
"""
SCRIPT = """const test = require('node:test');

test('adds', () => {
  const sum = add(1, 2);
  assert.strictEqual(sum, 3);
});
test('more', () => {});
"""


def _failing(*places: tuple[str, int]) -> Outcome:
    failures = tuple(
        Failure(test_id=f"{path}::{line}", message="no add", path=path, line=line, excerpt="E x")
        for path, line in places
    )
    return Outcome(green=False, command="c", status=1, failed=len(failures), failures=failures)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "test_roll.py").write_text(PYTHON)
    (tmp_path / "add.test.js").write_text(SCRIPT)
    return Workspace(tmp_path)


def test_a_test_is_shown_beyond_the_line_that_failed(workspace: Workspace) -> None:
    shown = whole_tests(workspace, _failing(("test_roll.py", 6)))
    assert shown.startswith("def test_by_voice(self):")
    assert 'assert groups == {"alto": []}\nE no add' in shown
    assert "test_other" not in shown


def test_a_test_that_is_a_call_is_shown_to_its_end(workspace: Workspace) -> None:
    shown = whole_tests(workspace, _failing(("add.test.js", 4)))
    assert shown == "\n".join([*SCRIPT.split("\n")[2:6], "E no add"])


def test_each_test_once_and_not_too_much(workspace: Workspace) -> None:
    shown = whole_tests(workspace, _failing(*[("test_roll.py", 11)] * 5, ("add.test.js", 4)))
    assert shown.count("def test_other") == 1
    assert "test('adds'" in shown


def test_without_a_place_the_output_is_shown(workspace: Workspace) -> None:
    assert "x" in whole_tests(workspace, _failing(("", 0)))
