from __future__ import annotations

from pathlib import Path

import pytest

from hotloop.workspace.failures import (
    Report,
    is_test_path,
    parse_pytest,
    parse_unittest,
    workspace_path,
)
from hotloop.workspace.failures_compiled import parse_cargo, parse_go, parse_other
from hotloop.workspace.failures_node import parse_tap

PYTEST = """\
F.E                                                                      [100%]
==================================== ERRORS ====================================
_______________________ ERROR at setup of TestK.test_fx ________________________
tests/test_a.py:23: in fx
    raise RuntimeError("fixture")
E   RuntimeError: fixture
=================================== FAILURES ===================================
______________________________ test_p[3-x - y] _________________________________
tests/test_a.py:7: in test_p
    assert div(1, 0) == 3
calc.py:8: in div
    return a / b
           ^^^^^
/usr/lib/python3.11/site-packages/z.py:1: in z
    boom()
E   ZeroDivisionError: division by zero
----------------------------- Captured stdout call -----------------------------
noise
=========================== short test summary info ============================
FAILED tests/test_a.py::test_p[3-x - y] - ZeroDivisionError: division by zero
ERROR tests/test_a.py::TestK::test_fx - RuntimeError: fixture
1 failed, 1 passed, 1 error in 0.70s
"""

UNITTEST = """\
F.
======================================================================
FAIL: test_eq (test_a.TestU.test_eq)
Compares.
----------------------------------------------------------------------
Traceback (most recent call last):
  File "{root}/tests/test_a.py", line 7, in test_eq
    self.assertEqual(add(1, 2), 3)
AssertionError: -1 != 3

----------------------------------------------------------------------
Ran 2 tests in 0.001s

FAILED (failures=1)
"""

TAP = """\
TAP version 13
# Subtest: grp
    # Subtest: deep
    not ok 1 - deep
      ---
      duration_ms: 1.4
      location: '{root}/a.test.js:6:33'
      failureType: 'testCodeFailure'
      error: |-
        Expected values to be equal:

        1 !== 2

      code: 'ERR_ASSERTION'
      name: 'AssertionError'
      stack: |-
        helper (file://{root}/lib.js:2:9)
        TestContext.<anonymous> (file://{root}/a.test.js:6:57)
        Test.run (node:internal/test_runner/test:796:25)
      ...
    1..1
not ok 1 - grp
  ---
  failureType: 'subtestsFailed'
  error: '1 subtest failed'
  ...
# Subtest: later
ok 2 - later # SKIP
  ---
  duration_ms: 0.1
  ...
1..2
# tests 2
# pass 0
# fail 1
# cancelled 0
"""

CARGO = """\
running 2 tests
tests::adds --- FAILED
failures:

---- tests::adds stdout ----

thread 'tests::adds' (25045) panicked at src/lib.rs:6:17:
assertion `left == right` failed
  left: -1
 right: 3
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/598/library/std/src/panicking.rs:689:5
   4: x::add
             at ./src/lib.rs:2:17
   5: x::tests::adds
             at ./src/lib.rs:6:17
   6: x::tests::adds::{{closure}}
             at ./src/lib.rs:6:14

failures:
    tests::adds

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.12s
"""

CARGO_BUILD = """\
error[E0425]: cannot find function `sub` in this scope
  --> src/lib.rs:12:23
   |
12 | fn bad() { sub() }
error: could not compile `x` (lib) due to 1 previous error
"""

GO = """\
--- FAIL: TestAdd (0.00s)
    calc_test.go:9: Add(1, 2) = -1, want 3
FAIL
FAIL\texample.com/calc\t0.002s
ok  \texample.com/other\t0.001s
"""

GO_BUILD = """\
# example.com/calc
./calc_test.go:9:5: undefined: Sub
FAIL\texample.com/calc [build failed]
"""

MAKE = """\
./test_calc
test_calc: tests/test_calc.c:12: main: Assertion `add(1, 2) == 3' failed.
make: *** [Makefile:4: test] Aborted
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        *("calc.py", "tests/test_a.py", "a.test.js", "lib.js", "src/lib.rs", "calc/calc_test.go"),
        *("tests/test_calc.c", "Makefile"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n" * 30)
    return tmp_path


def places(report: Report) -> list[list[tuple[str, int]]]:
    return [[(frame.path, frame.line) for frame in one.frames] for one in report.failures]


def counts(report: Report) -> tuple[int, int, int]:
    return report.passed, report.failed, report.errors


def test_pytest_output(root: Path) -> None:
    report = parse_pytest(PYTEST, root)
    assert counts(report) == (1, 1, 1)
    body, setup = report.failures
    assert body.test_id == "tests/test_a.py::test_p[3-x - y]"
    assert (body.kind, body.message) == ("ZeroDivisionError", "ZeroDivisionError: division by zero")
    assert (body.path, body.line) == ("tests/test_a.py", 7)
    assert places(report)[0] == [("tests/test_a.py", 7), ("calc.py", 8)]
    assert setup.test_id == "tests/test_a.py::TestK::test_fx"


def test_pytest_output_without_failures_or_cut_short(root: Path) -> None:
    assert parse_pytest("...\n3 passed in 0.01s\n", root).passed == 3
    assert parse_pytest("\nno tests ran in 0.01s\n", root).no_tests
    assert parse_pytest("", root) == Report()
    assert parse_pytest(PYTEST[: PYTEST.index("E   Zero")], root).failures


def test_unittest_output(root: Path) -> None:
    report = parse_unittest(UNITTEST.replace("{root}", str(root)), root)
    assert counts(report) == (1, 1, 0)
    assert report.failures[0].test_id == "test_a.TestU.test_eq"
    assert report.failures[0].message == "AssertionError: -1 != 3"
    assert places(report) == [[("tests/test_a.py", 7)]]
    assert parse_unittest("\nRan 0 tests in 0.000s\n\nOK\n", root).no_tests


def test_tap_output(root: Path) -> None:
    report = parse_tap(TAP.replace("{root}", str(root)), root)
    assert counts(report) == (0, 1, 0)
    (one,) = report.failures
    assert one.test_id == "a.test.js::grp > deep"
    assert one.message == "AssertionError: Expected values to be equal: 1 !== 2"
    assert places(report) == [[("a.test.js", 6), ("lib.js", 2)]]
    assert (one.path, one.line) == ("a.test.js", 6)


def test_cargo_output(root: Path) -> None:
    report = parse_cargo(CARGO, root)
    assert counts(report) == (1, 1, 0)
    assert report.failures[0].test_id == "tests::adds"
    assert "left: -1 right: 3" in report.failures[0].message
    assert ("src/lib.rs", 2) in places(report)[0]
    build = parse_cargo(CARGO_BUILD, root)
    assert counts(build) == (0, 0, 1)
    assert places(build) == [[("src/lib.rs", 12)]]


def test_go_output(root: Path) -> None:
    report = parse_go(GO, root)
    assert (report.failed, report.failures[0].test_id) == (1, "TestAdd")
    assert report.failures[0].message == "Add(1, 2) = -1, want 3"
    assert places(report) == [[("calc/calc_test.go", 9)]]
    assert parse_go(GO_BUILD, root).failures[0].message == "undefined: Sub"


def test_other_output(root: Path) -> None:
    report = parse_other(MAKE, root)
    assert places(report) == [[("tests/test_calc.c", 12)]]
    assert report.failures[0].kind == "AssertionError"
    assert counts(parse_other("Tests: 1 failed, 3 passed, 4 total", root)) == (3, 1, 0)
    assert parse_other("all fine", root) == Report()


LABELLED = """\
ok rounding
rounding up: expected 5, got 4
FAIL test_limits
not ok 3 - at the limit
2 checks failed
make: *** [Makefile:4: test] Error 1
"""


def test_labels_of_a_test_program_are_found_in_its_source(root: Path) -> None:
    code = """\
        static void test_rounding(void)
        {
            check("rounding", 4, half(8));
            check("rounding up", 5, half(9));
        }

        static void test_limits(void)
        {
            check("at the limit", 0, half(0));
            printf("%s: expected %ld, got %ld\\n");
        }
        """
    (root / "tests/test_calc.c").write_text(code)
    report = parse_other(LABELLED, root)
    path = "tests/test_calc.c"
    assert places(report) == [[(path, 4)], [(path, 7)], [(path, 9)]]
    assert report.failures[0].message == "rounding up: expected 5, got 4"
    assert parse_other("something else: expected 5, got 4", root).failures == ()


def test_paths_outside_the_workspace_are_dropped(root: Path) -> None:
    assert workspace_path(f"file://{root}/lib.js", root) == "lib.js"
    assert workspace_path("./src/../calc.py", root) == "calc.py"
    assert workspace_path("/etc/hosts", root) == ""
    assert workspace_path("../x.py", root) == ""


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/helpers.py", True),
        ("pkg/test_a.py", True),
        ("a_test.go", True),
        ("src/a.test.ts", True),
        ("conftest.py", True),
        ("src/contest.py", False),
        ("latest/a.py", False),
        ("testing.py", False),
    ],
)
def test_is_test_path(path: str, is_test: bool) -> None:
    assert is_test_path(path) is is_test
