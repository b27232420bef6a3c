"""The loop of a model that calls tools, against a simulated backend."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

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
    Run,
    call,
    meet,
    parts,
    repository,
    run,
    says,
)
from hotloop import paths
from hotloop.actions.parse import Parsed
from hotloop.actions.types import Action, Observation, Read
from hotloop.ledger import events as ledger
from hotloop.ledger.events import (
    ActionParsed,
    CallEnd,
    Effect,
    Event,
    LeverAccount,
    Note,
    StepKind,
    ToolEnd,
    ToolStart,
)
from hotloop.levers.budget import limit_tokens
from hotloop.loop.budget import Budget
from hotloop.loop.dispatch import Dispatch
from hotloop.sim.profile import Fault
from hotloop.tools.base import ToolContext
from scripted_endpoint import Call, finish, serve, text

WRONG = call("edit", path="calc.py", old="return a - b", new="return a * b")
STREAMED = msgspec.structs.replace(INSTANT, decode_tok_s=400.0)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def tool_runs(ended: Run, tool: str) -> list[tuple[float, float]]:
    return [(one.start_s, one.t_s) for one in ended.of(ToolEnd) if one.tool == tool]


def verdicts(ended: Run) -> list[bool]:
    return [one.green for one in ended.of(ledger.TestsRun)]


# the article's loop ---------------------------------------------------------


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


# when actions run -----------------------------------------------------------


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


# answers that are wrong -----------------------------------------------------


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


# cut, broken off, too late --------------------------------------------------


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


# thinking apart -------------------------------------------------------------


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


# what the endpoint understands ----------------------------------------------

EDIT = '{"actions":[{"tool":"edit","path":"calc.py","old":"a - b","new":"a + b"}]}'


def against(roots: list[Path], refused: set[str], **settings: Any) -> list[Run]:
    """Run sessions, one per folder, against an endpoint that refuses requests with some fields."""
    asked: list[bytes] = []

    async def answer(call: Call) -> None:
        asked.append(call.body)
        fields = msgspec.json.decode(call.body).keys() & refused
        if fields:
            body = msgspec.json.encode({"error": {"message": f"{min(fields)} is not supported"}})
            await call.answer("400 Bad Request", body)
        else:
            await call.stream(text(EDIT), finish(), b"data: [DONE]\n\n")

    async def main() -> list[Run]:
        ended: list[Run] = []
        async with serve(answer) as (url, _):
            for root in roots:
                one = await meet(repository(root), f"{url}/v1", "m", GOAL, settings)
                ended.append(msgspec.structs.replace(one, bodies=asked.copy()))
                asked.clear()
        return ended

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("refused", "fields"),
    [
        (set[str](), [{"tools"}]),
        ({"tools"}, [{"tools"}, {"response_format"}]),
        ({"tools", "response_format"}, [{"tools"}, {"response_format"}, set()]),
    ],
)
def test_what_an_endpoint_refuses_is_asked_more_simply(
    tmp_path: Path, refused: set[str], fields: list[set[str]]
) -> None:
    (ended,) = against([tmp_path], refused)
    assert ended.outcome == "solved"
    assert [set(one) & {"tools", "response_format"} for one in ended.requests] == fields
    known = list((paths.cache_dir() / "dialects").iterdir())
    expected = "schema" if refused == {"tools"} else "fenced"
    assert [msgspec.json.decode(one.read_bytes()) for one in known] == [{"dialect": expected}]


def test_what_an_endpoint_understands_is_used_at_once_the_next_time(tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    for root in roots:
        root.mkdir()
    first, second = against(roots, {"tools"})
    assert [len(first.bodies), len(second.bodies)] == [2, 1]
    assert "response_format" in second.requests[0]
    assert second.outcome == "solved"


def test_thinking_apart_falls_back_too(tmp_path: Path) -> None:
    (ended,) = against([tmp_path], {"tools"}, think="apart")
    assert ended.outcome == "solved"
    assert ["tools" in one for one in ended.requests] == [True, False, False]


def test_a_dialect_that_is_configured_is_not_given_up(tmp_path: Path) -> None:
    (ended,) = against([tmp_path], {"tools"}, dialect="native")
    assert ended.outcome == "error"
    assert "not supported" in str(ended.fault)
    assert len(ended.bodies) == 1


# one answer's actions -------------------------------------------------------


class Meeting:
    """A tool without effect that ends only when two of it run at the same time."""

    name = "read"
    effect = Effect.NONE

    def __init__(self) -> None:
        self.barrier = asyncio.Barrier(2)

    async def run(self, action: Action, context: ToolContext) -> Observation:
        async with asyncio.timeout(5):
            await self.barrier.wait()
        return Observation(tool="read", ok=True, text=context.action)


@pytest.mark.parametrize("eager", [True, False])
def test_actions_without_effect_run_at_the_same_time(tmp_path: Path, eager: bool) -> None:
    async def main() -> list[str]:
        dispatch = Dispatch(parts(tmp_path, []), {"read": Meeting()}, 1, 1, eager=eager)
        dispatch.add(Parsed(action=Read(path="a")))
        dispatch.add(Parsed(fault="between them"))
        dispatch.add(Parsed(action=Read(path="b")))
        return [seen.text for _, seen in await dispatch.finish()]

    assert asyncio.run(main()) == ["c1a0", "between them", "c1a2"]


def test_cancelling_ends_what_runs_early_and_counts_it_as_wasted(tmp_path: Path) -> None:
    events: list[Event] = []

    async def main() -> int:
        dispatch = Dispatch(parts(tmp_path, events), {"read": Meeting()}, 1, 1, eager=True)
        dispatch.add(Parsed(action=Read(path="a")))
        while not any(isinstance(one, ToolStart) for one in events):
            await asyncio.sleep(0)
        await dispatch.cancel()
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1
    assert [one.ok for one in events if isinstance(one, ToolEnd)] == [False]
    assert any(one.wasted_s > 0 for one in events if isinstance(one, LeverAccount))


@pytest.mark.parametrize(
    ("left_s", "rate", "tokens"), [(100, 100, 4096), (10, 50, 500), (0.1, 50, 48), (-5, 50, 48)]
)
def test_the_budget_bounds_the_length_of_answers(left_s: float, rate: float, tokens: int) -> None:
    budget = Budget(left_s, time.monotonic())
    assert tokens * 0.98 <= limit_tokens(budget.left_s, rate) <= tokens


def test_the_shares_of_steps_are_the_articles() -> None:
    budget = Budget(21.7, time.monotonic())
    assert budget.share_s(StepKind.PLAN) == pytest.approx(2.2)
    assert budget.share_s(StepKind.TEST) == pytest.approx(5.0)
