"""The loop of a model that calls tools, against a simulated backend."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent_session import (
    BROKEN,
    DONE,
    FIX,
    FIXED,
    GOAL,
    INSTANT,
    READ,
    READ_CHECK,
    TEST,
    WRONG,
    Run,
    call,
    run,
    says,
    verdicts,
)
from hotloop.ledger import events as ledger
from hotloop.ledger.events import (
    CallEnd,
    LeverAccount,
    StepKind,
    ToolEnd,
    ToolStart,
)

STREAMED = msgspec.structs.replace(INSTANT, decode_tok_s=400.0)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def tool_runs(ended: Run, tool: str) -> list[tuple[float, float]]:
    return [(one.start_s, one.t_s) for one in ended.of(ToolEnd) if one.tool == tool]


def test_an_edit_runs_the_tests_and_green_ends_the_session_without_another_call(
    tmp_path: Path,
) -> None:
    ended = run(tmp_path, [says(READ, READ_CHECK), says(FIX)])
    assert ended.outcome == "solved"
    assert len(ended.bodies) == 2
    assert ended.calc == FIXED
    assert verdicts(ended) == [False, True]
    kinds = [kind for kind in ended.kinds() if kind is not StepKind.PREFETCH]
    assert kinds == [StepKind.PLAN, StepKind.GENERATE, StepKind.TEST]


def test_without_the_lever_finish_the_model_is_asked(tmp_path: Path) -> None:
    replies = [says(READ), says(FIX), says(DONE)]
    ended = run(tmp_path, replies, without=("finish",))
    assert ended.outcome == "solved"
    assert len(ended.bodies) == 3
    assert "tests pass" in ended.last_said
    assert verdicts(ended) == [False, True]
    assert ended.kinds()[-1] is StepKind.VERIFY


@pytest.mark.parametrize(("without", "calls"), [((), 2), (("finish",), 4)])
def test_two_reads_an_edit_tests_and_final_words(
    tmp_path: Path, without: tuple[str, ...], calls: int
) -> None:
    replies = [says(READ, READ_CHECK), says(FIX), says(TEST), says(text="It adds now.")]
    ended = run(tmp_path, replies, without=without)
    assert ended.outcome == "solved"
    assert len(ended.bodies) == calls


def test_step_kinds_follow_what_was_done(tmp_path: Path) -> None:
    replies = [
        says(READ),
        says(READ_CHECK),
        says(WRONG),
        says(TEST),
        says(text="Hm."),
        says(call("edit", path="calc.py", old="a * b", new="a + b"), TEST),
        says(DONE),
    ]
    ended = run(tmp_path, replies, without=("finish",))
    assert [kind.value for kind in ended.kinds() if kind is not StepKind.PREFETCH] == [
        "plan",
        "tool_calls",
        *["generate", "test"],
        *["verify", "test"],
        "reason",
        *["generate", "test"],
        "verify",
    ]
    assert ended.outcome == "solved"
    assert verdicts(ended) == [False, False, False, True]


def test_pytest_in_a_real_repository(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "calc.py").write_text(BROKEN)
    (repo / "test_calc.py").write_text(
        "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
    )
    ended = run(
        tmp_path, [says(READ, call("search", pattern="add")), says(FIX)], repo=repo, test=None
    )
    assert ended.outcome == "solved"
    assert [(one.passed, one.failed) for one in ended.of(ledger.TestsRun)] == [(0, 1), (1, 0)]


def test_what_fails_is_told_once_as_soon_as_it_is_known(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(INSTANT, ttft_base_s=0.6)
    ended = run(tmp_path, [says(READ), says(FIX)], profile=slow)
    assert sum("add(2, 3) is -1" in str(one["content"]) for one in ended.messages) == 1


def test_context_is_looked_up_before_the_first_call(tmp_path: Path) -> None:
    first = run(tmp_path, [says(FIX)]).requests[0]["messages"][1]["content"]
    assert GOAL in first
    assert f"calc.py:\n{BROKEN.rstrip()}" in first
    assert "check.py" in first
    assert "calc.py:1: def add(a, b):" in first


def test_a_file_at_the_end_of_the_goal_is_found(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(FIX)], goal="Look into ./calc.py.")
    assert BROKEN.rstrip() in ended.requests[0]["messages"][1]["content"]


def test_without_prefetch_the_model_gets_the_goal_alone(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(FIX), says(DONE)], without=("prefetch",))
    assert ended.requests[0]["messages"][1]["content"] == f"Goal: {GOAL}"
    assert ended.outcome == "solved"


def test_reads_start_while_the_answer_still_streams(tmp_path: Path) -> None:
    replies = [says(READ, READ_CHECK, call("search", pattern="x" * 200)), says(FIX)]
    ended = run(tmp_path, replies, profile=STREAMED)
    first = ended.of(CallEnd)[0].t_s
    starts = [one.t_s for one in ended.of(ToolStart) if one.tool == "read"]
    assert len(starts) == 2
    assert max(starts) < first - 0.05
    assert {one.lever for one in ended.of(ToolStart) if one.tool == "read"} == {"eager"}
    (account,) = (one for one in ended.of(LeverAccount) if one.lever == "eager")
    assert account.saved_s > 0


def test_without_the_lever_eager_reads_wait_for_the_end_of_the_answer(tmp_path: Path) -> None:
    replies = [says(READ, READ_CHECK, call("search", pattern="x" * 200)), says(FIX)]
    ended = run(tmp_path, replies, profile=STREAMED, without=("eager",))
    first = ended.of(CallEnd)[0].t_s
    assert min(one.t_s for one in ended.of(ToolStart) if one.tool == "read") >= first
    assert [one for one in ended.of(LeverAccount) if one.lever == "eager"] == []


@pytest.mark.parametrize("without", [(), ("eager",)])
def test_a_read_sees_the_edit_before_it_and_not_the_one_after_it(
    tmp_path: Path, without: tuple[str, ...]
) -> None:
    answer = says(READ, WRONG, READ, call("edit", path="calc.py", old="a * b", new="a // b"))
    ended = run(tmp_path, [answer, says(DONE), says(DONE), says(DONE)], without=without)
    seen = [one["content"] for one in ended.requests[1]["messages"] if one["role"] == "tool"]
    assert "a - b" in seen[0]
    assert "a * b" in seen[2]
    assert "a // b" in ended.calc
    edits, reads = tool_runs(ended, "edit"), tool_runs(ended, "read")
    assert reads[0][1] <= edits[0][0]
    assert edits[0][1] <= reads[1][0]
    assert reads[1][1] <= edits[1][0]


def test_tests_asked_for_before_an_edit_say_nothing_about_it(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(TEST, FIX)])
    assert ended.outcome == "solved"
    assert verdicts(ended) == [False, False, True]


def test_tests_asked_for_behind_an_edit_are_not_run_twice(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(FIX, TEST)])
    assert ended.outcome == "solved"
    assert verdicts(ended) == [False, True]


def test_observations_come_back_in_the_order_of_the_calls(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ, call("nope"), READ_CHECK), says(FIX)])
    calls = ended.messages[2]["tool_calls"]
    results = ended.messages[3:6]
    assert [one["tool_call_id"] for one in results] == [one["id"] for one in calls]
    assert "calc.py lines" in results[0]["content"]
    assert "nope" in results[1]["content"]
    assert "check.py lines" in results[2]["content"]
