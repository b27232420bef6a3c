from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from hotloop.workspace.failures import Failure, Frame
from hotloop.workspace.goal_words import emphasis
from hotloop.workspace.localise import Localisation, localise, rank
from hotloop.workspace.missing import js_module, missing_names, python_module
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import TestOutcome, run_tests
from hotloop.workspace.tracer import Trace, TracedTest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def failed(*failures: Failure, trace: Trace | None = None) -> TestOutcome:
    return TestOutcome(green=False, command="t", status=1, failures=failures, trace=trace)


def localised(root: Path, files: dict[str, str], command: str, *, trace: bool) -> Localisation:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    plan = detect(root, command)
    assert plan is not None
    outcome = asyncio.run(run_tests(plan, root, deadline_s=60, trace=trace))
    assert not outcome.green
    return localise(outcome, root, list(files))


SHOP = {
    "shop/__init__.py": "",
    "shop/tax.py": """\
        RATE = 10


        def tax(cents):
            return cents * RATE // 1000


        def gross(cents):
            return cents + tax(cents)
        """,
    "shop/cart.py": """\
        from shop.tax import gross


        class Cart:
            def __init__(self):
                self.items = []

            def add(self, cents):
                self.items.append(cents)

            def total(self):
                return sum(gross(item) for item in self.items)
        """,
    "tests/test_cart.py": """\
        from shop.cart import Cart


        def test_empty():
            assert Cart().total() == 0


        def test_add():
            cart = Cart()
            cart.add(1)
            assert cart.items == [1]


        def test_total():
            cart = Cart()
            cart.add(1000)
            assert cart.total() == 1100
        """,
}


def test_ochiai_finds_the_function_behind_the_one_that_the_test_calls(tmp_path: Path) -> None:
    found = localised(tmp_path, SHOP, f"{sys.executable} -m pytest", trace=True)
    assert found.lines[0].score == 1.0
    assert {(one.path, one.line) for one in found.lines if one.score == 1.0} == {
        ("shop/tax.py", 5),
        ("shop/tax.py", 9),
    }
    assert {one.name for one in found.definitions[:2]} == {"gross", "tax"}
    assert (found.definitions[0].start_line, found.definitions[0].score) in {(8, 1.0), (4, 1.0)}
    assert found.missing == ()


def test_without_a_trace_names_are_followed(tmp_path: Path) -> None:
    found = localised(tmp_path, SHOP, f"{sys.executable} -m pytest", trace=False)
    names = [one.name for one in found.definitions]
    assert names[0] == "Cart.total"
    assert names.index("gross") < names.index("tax")


def test_ochiai_figures_and_ties() -> None:
    trace = Trace(
        [
            TracedTest("a", "failed", {"m.py": [1, 2, 3]}),
            TracedTest("b", "passed", {"m.py": [1]}),
            TracedTest("c", "skipped", {"m.py": [1, 2]}),
        ]
    )
    outcome = failed(Failure(test_id="a", message="", frames=(Frame("m.py", 3),)))
    suspects = rank(outcome, trace, ["m.py"])
    assert [(one.line, round(one.score, 3)) for one in suspects] == [(3, 1.0), (2, 1.0), (1, 0.707)]


def test_traceback_leads_where_there_is_no_trace(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f():\n    return g()\n\n\ndef g():\n    return 1 / 0\n")
    frames = (Frame("test_m.py", 4), Frame("m.py", 2, "f"), Frame("m.py", 6, "g"))
    outcome = failed(Failure(test_id="t", message="ZeroDivisionError", frames=frames))
    found = localise(outcome, tmp_path, ["m.py", "test_m.py"])
    assert [(one.line, one.score) for one in found.lines] == [(6, 1.0), (2, 0.9)]
    assert [one.name for one in found.definitions] == ["g", "f"]


def test_function_called_with_a_new_argument_comes_first(tmp_path: Path) -> None:
    files = {
        "m.py": "def early():\n    return 1\n\n\ndef late(x):\n    return x\n",
        "test_m.py": "from m import early, late\n\ndef test_a():\n    late(early(), y=2)\n",
    }
    found = localised(tmp_path, files, f"{sys.executable} -m pytest", trace=True)
    assert [one.name for one in found.definitions][:2] == ["late", "early"]


def test_goal_names_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    pass\n\n\ndef g():\n    pass\n")
    found = localise(failed(), tmp_path, ["a.py"], goal="make g in a.py faster")
    assert [one.name for one in found.definitions] == ["g", "f"]


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_node_by_names_and_missing_export(tmp_path: Path) -> None:
    files = {
        "lib/calc.js": """\
            const { half } = require('./half');
            function add(a, b) { return half(a) + b; }
            function unused() { return 1; }
            module.exports = { add, unused };
            """,
        "lib/half.js": "exports.half = (x) => x / 3;\n",
        "test/calc.test.js": """\
            const test = require('node:test');
            const assert = require('node:assert');
            const { add, sub } = require('../lib/calc');
            test('adds', () => {
              const got = add(2, 2);
              assert.equal(got, 3);
            });
            test('subtracts', () => {
              assert.equal(sub(2, 2), 0);
            });
            """,
    }
    found = localised(tmp_path, files, "node --test test/calc.test.js", trace=False)
    assert [one.name for one in found.definitions][:2] == ["add", "half"]
    assert [(one.name, one.path) for one in found.missing] == [("sub", "lib/calc.js")]


FILES = ["src/shop/__init__.py", "src/shop/cart.py", "lib/a.js", "test/a.test.js", "src/lib.rs"]


@pytest.mark.parametrize(
    ("message", "path", "name", "where"),
    [
        (
            "ImportError: cannot import name 'tax' from 'shop.cart' (x)",
            "",
            "tax",
            "src/shop/cart.py",
        ),
        ("ModuleNotFoundError: No module named 'shop.tax'", "", "", "src/shop/tax.py"),
        ("ModuleNotFoundError: No module named 'other'", "", "", "other.py"),
        ("AttributeError: module 'shop.cart' has no attribute 'x'", "", "x", "src/shop/cart.py"),
        (
            "AttributeError: 'Cart' object has no attribute 'pop'",
            "",
            "Cart.pop",
            "src/shop/cart.py",
        ),
        ("NameError: name 'os' is not defined", "src/shop/cart.py", "os", "src/shop/cart.py"),
        ("TypeError: b is not a function", "test/a.test.js", "b", "lib/a.js"),
        ("TypeError: it.pop is not a function", "test/a.test.js", "pop", "lib/a.js"),
        (
            "The requested module '../lib/a.js' does not provide an export named 'b'",
            "test/a.test.js",
            "b",
            "lib/a.js",
        ),
        ("Error: Cannot find module '../lib/new'", "test/a.test.js", "", "lib/new.js"),
        ("cannot find function `sub` in this scope", "src/lib.rs", "sub", "src/lib.rs"),
    ],
)
def test_missing(tmp_path: Path, message: str, path: str, name: str, where: str) -> None:
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    (tmp_path / "src/shop/cart.py").write_text("class Cart:\n    pass\n")
    (tmp_path / "test/a.test.js").write_text("const { a, b } = require('../lib/a.js');\n")
    frames = (Frame(path, 1),) if path else ()
    failure = Failure(test_id="t", message=message, path=path, frames=frames)
    (found,) = missing_names([failure, failure], tmp_path, FILES)
    assert (found.name, found.path) == (name, where)
    assert str(found).startswith("missing: ")


def test_module_paths() -> None:
    assert python_module("shop", FILES) == "src/shop/__init__.py"
    assert python_module("shop.deep.new", FILES) == "src/shop/deep/new.py"
    assert js_module("./b", "lib/a.js", FILES) == "lib/b.js"


def test_ordinary_failures_miss_nothing(tmp_path: Path) -> None:
    failure = Failure(test_id="t", message="AssertionError: assert 1 == 2")
    assert missing_names([failure], tmp_path, FILES) == []


def test_line_that_all_failing_tests_run_leads(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def one():\n    return 1\n\n\ndef all_of():\n    return 2\n")
    trace = Trace(
        [
            TracedTest("a", "failed", {"m.py": [2, 6]}),
            TracedTest("b", "failed", {"m.py": [6]}),
            TracedTest("c", "passed", {"m.py": [6]}),
            TracedTest("d", "passed", {"m.py": [6]}),
        ]
    )
    found = localise(failed(trace=trace), tmp_path, ["m.py"])
    assert [one.name for one in found.definitions] == ["all_of", "one"]


def test_cause_of_an_exception_leads(tmp_path: Path) -> None:
    source = "def a():\n    return b()\n\n\ndef b():\n    return 1\n\n\ndef c():\n    return 2\n"
    (tmp_path / "m.py").write_text(source)
    (tmp_path / "test_m.py").write_text("def test_it():\n    a()\n")
    frames = (Frame("m.py", 10, "c"), Frame("test_m.py", 2), Frame("m.py", 6, "b"))
    lines: dict[str, list[int]] = {"m.py": [2, 6, 10]}
    trace = Trace([TracedTest("a", "failed", lines), TracedTest("b", "passed", lines)])
    outcome = failed(Failure(test_id="a", message="RuntimeError", frames=frames), trace=trace)
    found = localise(outcome, tmp_path, ["m.py", "test_m.py"])
    assert {one.name for one in found.definitions[:2]} == {"b", "c"}


def test_names_in_a_helper_of_the_tests_are_followed(tmp_path: Path) -> None:
    files = {
        "m.py": "def first():\n    return 1\n\n\ndef second():\n    return 2\n",
        "test_m.py": """\
            import m


            def helper():
                return m.second()


            def test_a():
                assert helper() == 3
            """,
    }
    found = localised(tmp_path, files, f"{sys.executable} -m pytest", trace=False)
    assert [one.name for one in found.definitions] == ["second"]


@pytest.mark.parametrize(
    ("name", "goal", "less_than"),
    [
        ("read_cues", "The last cue is missing in show(). Fix read_cues.", "show"),
        ("billed_hours", "A customer was billed for 21 hours.", "parse"),
        ("showRank", "Ranks are wrong in `showRank`.", "rank"),
    ],
)
def test_goal_stresses_definitions(name: str, goal: str, less_than: str) -> None:
    assert emphasis(name, goal) > emphasis(less_than, goal) >= 1.0


@pytest.mark.skipif(not shutil.which("make") or not shutil.which("cc"), reason="no C compiler")
def test_c_by_the_label_of_a_failed_check(tmp_path: Path) -> None:
    files = {
        "src/calc.h": "int half(int x);\nint twice(int x);\n",
        "src/calc.c": """\
            #include "calc.h"

            int twice(int x)
            {
                return x * 2;
            }

            int half(int x)
            {
                return x / 3;
            }
            """,
        "tests/test.c": """\
            #include <stdio.h>
            #include "calc.h"

            static int failures;

            static void check(const char *what, int expected, int got)
            {
                if (expected != got) {
                    printf("%s: expected %d, got %d\\n", what, expected, got);
                    failures++;
                }
            }

            static void test_twice(void)
            {
                check("twice three", 6, twice(3));
            }

            static void test_half(void)
            {
                check("half of six", 3, half(6));
            }

            int main(void)
            {
                test_twice();
                test_half();
                return failures > 0;
            }
            """,
        "Makefile": "test:\n\tcc -Isrc -o run_tests src/calc.c tests/test.c && ./run_tests\n",
    }
    found = localised(tmp_path, files, "make -s test", trace=False)
    assert [one.name for one in found.definitions] == ["half"]
