from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from e2e_helpers import fill
from hotloop.actions import types as actions
from hotloop.errors import ToolError
from hotloop.ledger import events
from hotloop.tools.base import ToolContext
from hotloop.tools.test import TestTool
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testcommand import Framework, TestPlan
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import TestOutcome, run_tests

PYTEST = (sys.executable, "-m", "pytest")


pytestmark = pytest.mark.usefixtures("own_pytest")


def run(root: Path, plan: TestPlan | None = None, **options: Any) -> TestOutcome:
    plan = plan or detect(root)
    assert plan is not None
    return asyncio.run(run_tests(plan, root, deadline_s=options.pop("deadline_s", 60.0), **options))


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


CALC = {
    "calc.py": """\
        def add(a, b):
            return a - b


        def mul(a, b):
            return a * b
        """,
    "tests/test_calc.py": """\
        from calc import add, mul


        def test_mul():
            assert mul(2, 3) == 6


        def test_add():
            total = add(1, 2)
            assert total == 3


        class TestMore:
            def test_chain(self):
                assert add(mul(1, 1), None) == 1
        """,
}


def test_pytest_run(root: Path) -> None:
    fill(root, CALC)
    before = files(root)
    outcome = run(root, detect(root, f"{sys.executable} -m pytest"))
    assert files(root) == before
    assert (outcome.green, outcome.passed, outcome.failed, outcome.errors) == (False, 1, 2, 0)
    assert [one.test_id for one in outcome.failures] == [
        "tests/test_calc.py::test_add",
        "tests/test_calc.py::TestMore::test_chain",
    ]
    assert outcome.summary.startswith("1 passed, 2 failed in ")
    assert outcome.digest().splitlines() == [
        "1 passed, 2 failed",
        "FAIL tests/test_calc.py::test_add line 10",
        "  def test_add():",
        "      total = add(1, 2)",
        "      assert total == 3",
        "E assert -1 == 3",
        "FAIL tests/test_calc.py::TestMore::test_chain line 15",
        "  def test_chain(self):",
        "      assert add(mul(1, 1), None) == 1",
        "E TypeError: unsupported operand type(s) for -: 'int' and 'NoneType'",
        "at calc.py:2 in add: return a - b",
    ]
    assert len(outcome.digest(200)) <= 200


def test_pytest_targets_and_fail_fast(root: Path) -> None:
    fill(root, CALC)
    plan = TestPlan(framework=Framework.PYTEST, root=str(root), argv=(*PYTEST, "tests"))
    outcome = run(root, plan, targets=["tests/test_calc.py::test_mul"])
    assert (outcome.green, outcome.passed, outcome.targeted) == (True, 1, True)
    assert outcome.digest() == "tests pass: 1 passed"
    assert run(root, plan, targets=["test_mul"]).passed == 1
    assert run(root, plan, fail_fast=True).failed == 1


def test_pytest_through_a_shell_is_still_understood_and_traced(root: Path) -> None:
    fill(root, CALC)
    outcome = run(root, detect(root, f"cd . && {sys.executable} -m pytest -q"), trace=True)
    assert outcome.failures[0].test_id == "tests/test_calc.py::test_add"
    assert outcome.trace is not None


def test_pytest_collection_error_and_no_tests(root: Path) -> None:
    fill(
        root, {**CALC, "tests/test_new.py": "from calc import sub\n\n\ndef test_sub():\n    pass\n"}
    )
    plan = TestPlan(framework=Framework.PYTEST, root=str(root), argv=PYTEST)
    outcome = run(root, plan)
    assert (outcome.passed, outcome.failed, outcome.errors) == (1, 2, 1)
    assert outcome.failures[-1].test_id == "tests/test_new.py"
    assert "cannot import name 'sub'" in outcome.failures[-1].message
    shutil.rmtree(root / "tests")
    fill(root, {"test_none.py": "x = 1\n"})
    outcome = run(root, plan)
    assert (outcome.green, outcome.no_tests) == (False, True)
    assert "no tests" in outcome.digest()


def test_trace_says_which_lines_ran_in_which_test(root: Path) -> None:
    fill(root, CALC)
    plan = TestPlan(framework=Framework.PYTEST, root=str(root), argv=PYTEST)
    before = files(root)
    outcome = run(root, plan, trace=True)
    assert files(root) == before
    assert outcome.trace is not None
    assert {
        test.id.rpartition("::")[2]: (test.outcome, test.lines) for test in outcome.trace.tests
    } == {
        "test_mul": ("passed", {"calc.py": [6]}),
        "test_add": ("failed", {"calc.py": [2]}),
        "test_chain": ("failed", {"calc.py": [2, 6]}),
    }


def test_long_values_are_shown_where_they_differ(root: Path) -> None:
    test = "def test_a():\n    x = [*range(500)]\n    assert x == x[:300] + [-7] + x[301:]\n"
    fill(root, {"test_a.py": test})
    outcome = run(root, TestPlan(framework=Framework.PYTEST, root=str(root), argv=PYTEST))
    shown = outcome.failures[0].excerpt.splitlines()[-1]
    assert "299, 300, 301" in shown
    assert "299, -7, 301" in shown
    assert len(shown) < 300


HOT = {
    "hot.py": """\
        def spin(n):
            total = 0
            for i in range(n):
                total += i
            return last(total)


        def last(total):
            return total
        """,
    "test_hot.py": """\
        import unittest

        from hot import spin


        class TestHot(unittest.TestCase):
            def test_spin(self):
                self.assertEqual(spin(300_000), 0)
        """,
}


def test_tracing_a_hot_loop_is_bounded_and_sees_what_follows(root: Path) -> None:
    fill(root, HOT)
    plan = TestPlan(framework=Framework.PYTEST, root=str(root), argv=PYTEST)
    outcome = run(root, plan, trace=True)
    assert outcome.trace is not None
    assert {2, 3, 4, 9} <= {*outcome.trace.tests[0].lines["hot.py"]}


@pytest.mark.parametrize("python", [sys.executable, "python3.8", "python3.12"])
def test_unittest_run_with_trace(root: Path, python: str) -> None:
    interpreter = shutil.which(python) or "/no/python"
    if not Path(interpreter).exists() or subprocess.run([interpreter, "-c", ""]).returncode:
        pytest.skip(f"no {python}")
    fill(root, {**HOT, "tests/test_ok.py": HOT["test_hot.py"].replace("300_000), 0", "0), 0")})
    plan = TestPlan(
        framework=Framework.UNITTEST,
        root=str(root),
        argv=(interpreter, "-m", "unittest", "test_hot", "test_ok"),
    )
    outcome = run(root, plan, trace=True)
    assert (outcome.passed, outcome.failed) == (1, 1)
    assert outcome.trace is not None
    traced = {test.id: test for test in outcome.trace.tests}
    assert traced["test_hot.TestHot.test_spin"].outcome == "failed"
    assert traced["test_ok.TestHot.test_spin"].lines == {"hot.py": [2, 3, 5, 9]}
    again = run(root, plan, targets=[outcome.failures[0].test_id])
    assert (again.passed, again.failed) == (0, 1)


def test_unittest_where_pytest_is_missing(root: Path) -> None:
    fill(root, {**HOT, ".venv/bin/python": ""})
    (root / ".venv/bin/python").unlink()
    (root / ".venv/bin/python").symlink_to(os.path.realpath(sys.executable))
    fill(root, {".venv/pyvenv.cfg": ""})
    plan = detect(root)
    assert plan is not None
    assert plan.framework is Framework.UNITTEST
    assert run(root).failures[0].test_id == "test_hot.TestHot.test_spin"


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_node_run(root: Path) -> None:
    fill(
        root,
        {
            "calc.js": """\
                exports.add = (a, b) => {
                  if (b === null) throw new Error('null');
                  return a - b;
                };
                """,
            "calc.test.js": """\
                const test = require('node:test');
                const assert = require('node:assert');
                const { add } = require('./calc.js');
                test('adds', () => {
                  assert.strictEqual(add(1, 2), 3);
                });
                test('throws', () => {
                  add(1, null);
                });
                test('fine', () => {});
                """,
            "broken.test.js": "const = 1;\n",
        },
    )
    outcome = run(root)
    assert (outcome.green, outcome.passed, outcome.failed) == (False, 1, 3)
    by_id = {one.test_id: one for one in outcome.failures}
    assert by_id["calc.test.js::adds"].line == 5
    assert [frame.path for frame in by_id["calc.test.js::throws"].frames] == [
        "calc.test.js",
        "calc.js",
    ]
    assert by_id["broken.test.js"].kind == "SyntaxError"
    assert "assert.strictEqual(add(1, 2), 3);" in outcome.digest()
    assert run(root, targets=["broken.test.js"]).failed == 1


@pytest.mark.skipif(not shutil.which("cargo"), reason="no cargo")
def test_cargo_run(root: Path) -> None:
    fill(
        root,
        {
            "Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n',
            "src/lib.rs": """\
                pub fn add(a: i32, b: i32) -> i32 {
                    a - b
                }

                #[cfg(test)]
                mod tests {
                    #[test]
                    fn adds() {
                        assert_eq!(super::add(1, 2), 3);
                    }
                    #[test]
                    fn fine() {}
                }
                """,
        },
    )
    outcome = run(root)
    if "could not" in outcome.output and "adds" not in outcome.output:
        pytest.skip("cargo does not work here")
    assert (outcome.passed, outcome.failed) == (1, 1)
    assert (outcome.failures[0].test_id, outcome.failures[0].line) == ("tests::adds", 9)
    assert "left: -1" in outcome.digest()
    assert run(root, targets=["tests::fine"]).green


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("gcc")), reason="no make or gcc")
def test_make_run(root: Path) -> None:
    fill(
        root,
        {
            "Makefile": "test: t\n\t./t\nt: t.c calc.c\n\tgcc -o t t.c calc.c\n",
            "calc.c": "int add(int a, int b) { return a - b; }\n",
            "t.c": """\
                #include <assert.h>
                int add(int, int);
                int main(void) {
                    assert(add(1, 2) == 3);
                }
                """,
        },
    )
    outcome = run(root)
    assert not outcome.green
    assert (outcome.failures[0].path, outcome.failures[0].line) == ("t.c", 4)
    fill(root, {"calc.c": "int add(int a, int b) { return a + ; }\n"})
    assert run(root).failures[0].path == "calc.c"
    fill(root, {"calc.c": "int add(int a, int b) { return a + b; }\n"})
    assert run(root).green


HANG = {
    "spin.py": "def spin():\n    while True:\n        pass\n",
    "test_spin.py": """\
        import subprocess
        import sys

        from spin import spin


        def test_spin():
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
            open("pid", "w").write(str(child.pid))
            spin()
        """,
}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hanging_test_is_killed_with_its_child_and_located(root: Path) -> None:
    fill(root, HANG)
    plan = TestPlan(framework=Framework.PYTEST, root=str(root), argv=PYTEST)
    start = time.monotonic()
    outcome = run(root, plan, deadline_s=10.0, trace=True)
    assert time.monotonic() - start < 60
    assert (outcome.green, outcome.timed_out) == (False, True)
    assert not alive(int((root / "pid").read_text()))
    assert outcome.failures[-1].kind == "Timeout"
    assert outcome.failures[-1].frames[-1].path == "spin.py"
    assert "still running" in outcome.digest()
    assert outcome.trace is not None
    assert {2, 3} >= {*outcome.trace.tests[-1].lines["spin.py"]} != set()


def test_override_that_is_not_understood(root: Path) -> None:
    outcome = run(root, detect(root, "echo 'Tests: 1 failed, 2 passed'; exit 3"))
    assert (outcome.green, outcome.passed, outcome.failed, outcome.status) == (False, 2, 1, 3)
    assert "1 failed, 2 passed" in outcome.digest()
    assert run(root, detect(root, "true")).green
    outcome = run(root, detect(root, "no-such-command-anywhere"))
    assert (outcome.green, outcome.status) == (False, 127)
    assert "no-such-command-anywhere" in outcome.digest()


SANDBOXES = [Sandbox(reason="not wanted"), Sandbox.detect()]


@pytest.mark.parametrize("sandbox", SANDBOXES, ids=["bare", "contained"])
def test_the_tool_runs_tells_and_emits(root: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    if not sandbox.available and sandbox.reason != "not wanted":
        pytest.skip(sandbox.reason)
    fill(root, CALC)
    workspace = Workspace(root)
    emitted: list[events.Event] = []
    context = ToolContext(
        workspace=workspace,
        checkpoint=Checkpoint(workspace, "session"),
        output_dir=tmp_path / "out",
        scratch=tmp_path / "scratch",
        sandbox=sandbox,
        consent=Consent("yes"),
        emit=emitted.append,
        now_s=lambda: 1.5,
        action="a1",
    )
    tool = TestTool(detect(root, f"{sys.executable} -m pytest"), trace=True)
    seen = asyncio.run(tool.run(actions.Test(), context))
    outcome = seen.data
    assert isinstance(outcome, TestOutcome)
    assert (seen.ok, seen.text, seen.summary) == (False, outcome.digest(), outcome.summary)
    assert outcome.trace is not None
    assert len(outcome.trace.tests) == 3
    assert "2 failed" in Path(seen.full_path).read_text()
    assert isinstance(emitted[-1], events.TestsRun)
    assert (emitted[-1].failed, emitted[-1].targeted) == (2, False)
    seen = asyncio.run(tool.run(actions.Test(target="tests/test_calc.py::test_mul"), context))
    assert (seen.ok, seen.text) == (True, "tests pass: 1 passed")
    shutil.rmtree(root / "tests")
    with pytest.raises(ToolError, match="no tests found"):
        asyncio.run(TestTool().run(actions.Test(), context))
