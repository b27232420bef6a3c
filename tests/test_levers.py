"""The levers of the free loop: what each does to a session, against a simulated backend."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from agent_session import FIX, INSTANT, READ, READ_CHECK, Run, call, run, says
from bench.levers import article
from hotloop.ledger import events as ledger
from hotloop.ledger.events import (
    CallEnd,
    PrefixBreak,
    StepKind,
    ToolEnd,
)
from hotloop.levers import NAMES
from hotloop.levers.overlap_tests import Priority, failed_so_far
from hotloop.levers.parallel import may_pass, overlap_s
from hotloop.levers.prefetch import choose, imports
from hotloop.levers.stable_prefix import Guard, cause
from hotloop.workspace.root import Workspace
from hotloop.workspace.search import Match
from hotloop.workspace.testrun import TestOutcome
from levers_kit import PYTEST, account, meet_article


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.mark.parametrize(
    ("iterations", "off", "on"), [(1, (9, 1120), (1, 355)), (2, (12, 1806), (2, 518))]
)
def test_the_same_work_in_fewer_calls_and_tokens(
    tmp_path: Path, iterations: int, off: tuple[int, int], on: tuple[int, int]
) -> None:
    for number, (without, expected) in enumerate(((NAMES, off), ((), on))):
        ended = meet_article(tmp_path / str(number), iterations, without=tuple(without))
        assert ended.outcome == "solved"
        assert (ended.repo / article.CHANGED).read_text() == article.solved()
        output = sum(one.usage.output_tokens for one in ended.of(CallEnd))
        assert (len(ended.bodies), output) == expected


def test_without_any_lever_the_rows_are_the_articles(tmp_path: Path) -> None:
    ended = meet_article(tmp_path, 1, without=tuple(NAMES))
    assert ended.kinds() == [
        StepKind.PLAN,
        *[StepKind.TOOL_CALLS] * 5,
        StepKind.REASON,
        StepKind.GENERATE,
        StepKind.TEST,
        StepKind.VERIFY,
    ]


def test_what_was_shown_and_used_is_told(tmp_path: Path) -> None:
    detail = account(meet_article(tmp_path, 1), "prefetch").detail
    assert "used: shop/basket.py" in detail
    assert "tests/test_basket.py" in detail


def test_files_are_ranked_by_what_ties_them_to_the_goal() -> None:
    texts = {
        "src/a/core.py": "from a.util import x\nfrom . import near\n",
        "src/a/util.py": "x = 1\n",
        "src/a/near.py": "y = 1\n",
        "src/a/other.py": "z = 1\n",
        "tests/test_core.py": "import a.core\n",
        "tests/test_far.py": "from a import core\n",
        "lib/where.py": "def wanted(): ...\n",
    }
    hits = [Match("lib/where.py", 1, "def wanted(): ..."), Match("src/a/other.py", 1, "wanted()")]
    shown = choose("wanted() in core.py", ["wanted"], sorted(texts), hits, texts.__getitem__)
    assert [(one.path, one.why) for one in shown] == [
        ("src/a/core.py", "named"),
        ("lib/where.py", "defines"),
        ("tests/test_core.py", "tests"),
        ("tests/test_far.py", "tests"),
        ("src/a/util.py", "imported"),
        ("src/a/near.py", "imported"),
    ]


def test_what_is_shown_is_bounded_by_size_and_time() -> None:
    texts = {f"m{number}.py": "x" * 3_900 for number in range(9)}
    goal = " ".join(texts)
    assert len(choose(goal, [], sorted(texts), [], texts.__getitem__)) == 2
    assert len(choose(goal, [], sorted(texts), [], texts.__getitem__, most_s=-1)) == 1
    few = {"a.py": "import b\n", "b.py": "", "test_a.py": "import a\n"}
    shown = choose("mend a.py", [], sorted(few), [], few.__getitem__, sparing=True)
    assert [one.path for one in shown] == ["a.py"]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a/b.py", "import a.c\n", ["a/c.py"]),
        ("a/b.py", "from .c import d\n", ["a/c.py"]),
        ("a/b.py", "from ..a import c as e\n", ["a/c.py"]),
        ("web/b.js", "import x from './c.js'\n", ["web/c.js"]),
        ("web/b.js", "const x = require('../a/d')\n", ["a/d.ts"]),
        ("c/m.c", '#include "m.h"\n', ["c/m.h"]),
        ("a/b.py", "import os\n", []),
    ],
)
def test_imports_lead_to_files(path: str, text: str, found: list[str]) -> None:
    files = {"a/b.py", "a/c.py", "web/c.js", "a/d.ts", "c/m.h"}
    assert list(imports(path, text, files)) == found


SLOW_WHILE_BROKEN = """\
import pathlib, time
from calc import add

def test_add():
    assert add(2, 3) == 5

def test_slow():
    time.sleep(0 if "a + b" in pathlib.Path("calc.py").read_text() else 40)
"""


def calc(tmp_path: Path, tests: str) -> Path:
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (repo / "test_calc.py").write_text(tests)
    return repo


def no_two_runs(ended: Run) -> bool:
    spans = sorted((one.start_s, one.t_s) for one in ended.of(ToolEnd) if one.tool == "test")
    return all(first[1] <= second[0] for first, second in pairwise(spans))


def test_an_edit_does_not_wait_for_the_rest_of_a_run_that_is_red_already(tmp_path: Path) -> None:
    patient = msgspec.structs.replace(INSTANT, ttft_base_s=4.0)
    repo = calc(tmp_path, SLOW_WHILE_BROKEN)
    ended = run(tmp_path, [says(FIX)], profile=patient, repo=repo, test=PYTEST)
    assert ended.outcome == "solved"
    assert ended.wall_s < 20
    assert no_two_runs(ended)
    assert [(one.green, one.passed) for one in ended.of(ledger.TestsRun)] == [(True, 2)]


def test_what_failed_runs_first_and_the_rest_only_if_it_passes(tmp_path: Path) -> None:
    repo = calc(tmp_path, SLOW_WHILE_BROKEN)
    (repo / "calc.py").write_text("def add(a, b):\n    return a - b  # a + b\n")
    (repo / "test_calc.py").write_text(
        SLOW_WHILE_BROKEN + "\ndef test_z():\n    assert add(1, 1) == 2\n"
    )
    (repo / "test_a.py").write_text("def test_fine():\n    pass\n")
    patient = msgspec.structs.replace(INSTANT, ttft_base_s=2.0)
    wrong = call("edit", path="calc.py", old="a - b", new="a * b")
    right = call("edit", path="calc.py", old="a * b", new="a + b")
    ended = run(tmp_path, [says(wrong), says(right)], profile=patient, repo=repo, test=PYTEST)
    assert ended.outcome == "solved"
    *_, red, last = ended.of(ledger.TestsRun)
    assert (red.passed, red.failed) == (0, 2), "only the two that failed before were run"
    assert (last.green, last.passed) == (True, 4)
    assert account(ended, "overlap_tests").saved_s >= 0


def outcome(*failing: str, green: bool = False, seconds: float = 1.0) -> TestOutcome:
    from hotloop.workspace.failures import Failure

    failures = tuple(Failure(test_id=name, message="m", kind="E") for name in failing)
    return TestOutcome(
        green=green, command="t", status=not green, failures=failures, duration_s=seconds
    )


def test_tests_of_the_edited_file_come_first_where_no_failure_is_known() -> None:
    files = ["calc.py", "tests/test_calc.py", "tests/test_other.py"]
    priority = Priority(lambda: files, lambda path: "")
    assert priority.first(["calc.py"]) == ("tests/test_calc.py",)
    priority.take(outcome("tests/test_other.py::test_x"))
    assert priority.first(["calc.py"]) == ("tests/test_other.py::test_x",)


def test_shorter_runs_count_as_saved_only_against_a_whole_one() -> None:
    priority = Priority(list, lambda path: "")
    priority.take(outcome("a", seconds=2.0), first=("a",))
    assert priority.saved_s == 0
    priority.take(outcome(green=True, seconds=5.0), first=("a",))
    assert (priority.saved_s, priority.cut_runs) == (3.0, 1)


def test_failures_that_an_edit_changes_nothing_about_do_not_hide_the_others() -> None:
    priority = Priority(list, lambda path: "")
    priority.take(outcome("a", "b"))
    assert priority.first(["x.py"]) == ("a", "b")
    priority.take(outcome("b"), first=("a", "b"))
    assert priority.first(["x.py"]) == ("b",)
    priority.take(outcome("b"), first=("b",))
    assert priority.first(["x.py"]) == ()
    assert priority.first(["x.py"]) == ("b",)


def test_a_line_that_is_still_being_written_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "failed"
    assert failed_so_far(path) == ()
    path.write_text("t.py::a\nt.py::a\nt.py::b[x y]\nt.py::c")
    assert failed_so_far(path) == ("t.py::a", "t.py::b[x y]")


def test_only_reads_of_other_files_pass_an_edit(tmp_path: Path) -> None:
    from hotloop.actions.types import Edit, Read, Run, Search

    (tmp_path / "a.py").write_text("")
    (tmp_path / "link.py").symlink_to("a.py")
    resolve = Workspace(tmp_path).resolve
    edit = Edit(path="a.py", old="x", new="y")
    assert may_pass(Read(path="b.py"), [edit], resolve)
    assert not may_pass(Read(path="./a.py"), [edit], resolve)
    assert not may_pass(Read(path="link.py"), [edit], resolve)
    assert not may_pass(Read(path="../outside.py"), [edit], resolve)
    assert not may_pass(Search(pattern="x"), [edit], resolve)
    assert not may_pass(Read(path="b.py"), [edit, Run(command="ls")], resolve)
    assert may_pass(Search(pattern="x"), [], resolve)


def test_overlap_is_what_running_beside_each_other_saved() -> None:
    assert overlap_s([(0, 2), (1, 3), (5, 6)]) == 1
    assert overlap_s([]) == 0


def test_without_the_lever_actions_run_one_after_the_other(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ, READ_CHECK, READ), says(FIX)], without=("parallel",))
    spans = sorted((one.start_s, one.t_s) for one in ended.of(ToolEnd) if one.tool == "read")
    assert len(spans) == 3
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_requests_only_grow_and_what_was_cached_is_told(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ), says(READ_CHECK), says(FIX)])
    assert ended.of(PrefixBreak) == []
    assert "possible tokens cached" in account(ended, "stable_prefix").detail


def test_without_the_lever_the_system_message_changes(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(INSTANT, ttft_base_s=0.2)
    ended = run(tmp_path, [says(READ), says(FIX)], profile=slow, without=("stable_prefix",))
    systems = {one["messages"][0]["content"] for one in ended.requests}
    assert len(systems) == 2
    assert ended.outcome == "solved"


def test_a_break_is_told_with_its_place_and_cause() -> None:
    guard = Guard()
    system = b'{"role":"system","content":"a \\"}{"}'
    sent = b'{"model":"m","messages":[' + system + b',{"role":"user","content":"x"}'
    assert guard.check(sent) is None
    assert guard.check(sent + b',{"role":"assistant","content":"y"}') is None
    found = guard.check(sent.replace(b'"x"', b'"z"'))
    assert found is not None
    assert found.cause == "message 2 (user)"
    assert (found.expected[0], found.got[0]) == ("x", "z")
    assert cause(sent, 3).startswith("the part before")
    assert guard.breaks == 1
