from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent_session import (
    BROKEN,
    DONE,
    FIX,
    FIXED,
    READ,
    READ_CHECK,
    WRONG,
    call,
    repository,
    run,
    says,
    verdicts,
)
from hotloop.ledger.events import (
    ActionParsed,
    Note,
    StepKind,
    ToolEnd,
    ToolStart,
)
from hotloop.sim.profile import Fault


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def test_an_unknown_tool_is_told_and_the_loop_goes_on(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(call("teleport", to="x")), says(FIX)])
    assert "unknown tool 'teleport'" in ended.messages[3]["content"]
    assert ended.outcome == "solved"


def test_broken_arguments_are_told_and_do_not_go_back_to_the_server(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(READ, arguments='{"path": "calc.py", "start": }')
    ended = run(tmp_path, [says(broken), says(FIX)])
    assert ended.messages[2]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert "JSON" in ended.messages[3]["content"]
    assert ended.outcome == "solved"


def test_a_model_that_only_talks_is_nudged_and_then_given_up(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(text="Well."), says(text="Hm."), says(text="No.")])
    assert ended.outcome == "unsolved"
    assert len(ended.bodies) == 3
    assert "call done" in ended.messages[-1]["content"]
    assert any("calls no tools" in note.text for note in ended.of(Note))


def test_a_model_that_seems_to_see_no_tools_is_told_of_them_in_text(tmp_path: Path) -> None:
    edit = '{"tool":"edit","path":"calc.py"}\n```\na - b\n```\n```\na + b\n```\n'
    ended = run(tmp_path, [says(text="What tools?"), says(text=edit)])
    assert '{"tool":"define"' in ended.last_said
    assert ended.outcome == "solved"


def test_done_is_not_believed_while_the_tests_fail(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(WRONG), says(DONE), says(DONE), says(DONE)])
    assert ended.outcome == "unsolved"
    assert len(ended.bodies) == 4
    assert "Not done" in ended.last_said
    assert "is 6" in ended.last_said
    assert verdicts(ended) == [False, False]


def test_done_after_a_command_is_believed_only_after_tests(tmp_path: Path) -> None:
    sed = call("run", command="sed -i 's/a - b/a + b/' calc.py")
    ended = run(tmp_path, [says(sed), says(DONE)])
    assert ended.outcome == "solved"
    assert verdicts(ended) == [False, True]


def test_done_beside_an_edit_that_failed_is_not_believed(tmp_path: Path) -> None:
    repo = repository(tmp_path)
    (repo / "calc.py").write_text(FIXED)
    miss = call("edit", path="calc.py", old="def subtract(a, b, c): pass", new="x")
    ended = run(tmp_path, [says(miss, DONE), says(DONE)], repo=repo)
    assert len(ended.bodies) == 2
    assert "tool call of that message failed" in ended.last_said
    assert ended.outcome == "solved"


def test_green_tests_of_a_part_do_not_prove_the_whole(tmp_path: Path) -> None:
    repo = repository(tmp_path)
    (repo / "test_a.py").write_text("def test_a():\n    assert True\n")
    (repo / "test_b.py").write_text(
        "from calc import add\n\n\ndef test_b():\n    assert add(2, 3) == 5\n"
    )
    part = call("test", target="test_a.py")
    ended = run(tmp_path, [says(part), says(DONE), says(FIX)], repo=repo, test=None)
    assert len(ended.bodies) == 3
    assert "Not done" in ended.last_said
    assert ended.outcome == "solved"


def test_the_same_actions_with_the_same_result_stop_the_session(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ)] * 10)
    assert ended.outcome == "unsolved"
    assert len(ended.bodies) == 3
    assert any("repeats itself" in note.text for note in ended.of(Note))


def test_asking_for_tests_between_different_edits_is_no_repetition(tmp_path: Path) -> None:
    edits = [
        call("edit", path="calc.py", old=f"a {old} b", new=f"a {new} b")
        for old, new in zip("-&|^%", "&|^%+", strict=True)
    ]
    replies = [says(one) for edit in edits for one in (READ_CHECK, edit)]
    ended = run(tmp_path, replies)
    assert ended.outcome == "solved"
    assert len(ended.bodies) == 10


def test_a_session_without_tests_ends_when_the_model_is_done(tmp_path: Path) -> None:
    repo = tmp_path / "bare"
    repo.mkdir()
    (repo / "calc.py").write_text(BROKEN)
    ended = run(tmp_path, [says(FIX), says(DONE)], repo=repo, test=None)
    assert ended.outcome == "unsolved"
    assert ended.calc == FIXED
    assert any("no tests found" in note.text for note in ended.of(Note))


def test_nothing_with_effect_of_a_cut_answer_runs(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ_CHECK, FIX, finish="length"), says(DONE), says(FIX)])
    results = ended.requests[1]["messages"][3:5]
    assert "check.py lines" in results[0]["content"]
    assert "cut off" in results[1]["content"]
    assert len(ended.bodies) == 3
    assert ended.outcome == "solved"
    assert verdicts(ended) == [False, True]


def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    broken = says(READ, FIX, DONE, tokens=30, fault=Fault(kind="cut", after_tokens=25))
    ended = run(tmp_path, [broken])
    assert ended.outcome == "error"
    assert ended.calc == BROKEN
    assert "cut off" in str(ended.fault)
    started = {one.action for one in ended.of(ToolStart)}
    assert started == {one.action for one in ended.of(ToolEnd)}
    assert {one.tool for one in ended.of(ActionParsed)} == {"read", "edit"}
    assert "edit" not in {one.tool for one in ended.of(ToolStart)}


@pytest.mark.parametrize("when", ["model", "tool"])
def test_the_budget_is_a_deadline(tmp_path: Path, when: str) -> None:
    sleep = says(READ, call("run", command="sleep 20"))
    hang = says(READ, fault=Fault(kind="hang", after_tokens=3))
    ended = run(tmp_path, [sleep if when == "tool" else hang], budget_s=1.0)
    assert ended.outcome == "over_budget"
    assert 1.0 <= ended.wall_s <= 1.5
    started = [one.action for one in ended.of(ToolStart)]
    assert sorted(started) == sorted(one.action for one in ended.of(ToolEnd))


def test_thinking_apart_is_a_call_of_its_own(tmp_path: Path) -> None:
    replies = [says(text="It subtracts."), says(FIX)]
    ended = run(tmp_path, replies, think="apart")
    assert ended.outcome == "solved"
    think, act = ended.requests
    assert "Do not act" in think["messages"][-1]["content"]
    assert act["messages"][-2:] == [
        {"role": "assistant", "content": "It subtracts."},
        {"role": "user", "content": "Now act."},
    ]
    kinds = [kind for kind in ended.kinds() if kind is not StepKind.PREFETCH]
    assert kinds == [StepKind.REASON, StepKind.GENERATE, StepKind.TEST]


def test_roles_alternate_in_text_dialects(tmp_path: Path) -> None:
    replies = [says(READ), says(WRONG), says(text="Hm."), says(DONE), says(FIX), says(text="?")]
    for think in ("with", "apart"):
        (tmp_path / think).mkdir()
        ended = run(tmp_path / think, replies, dialect="fenced", think=think)
        roles = [one["role"] for one in ended.messages[1:]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
