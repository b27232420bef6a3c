from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent_session import (
    GOAL,
    Run,
    meet,
    parts,
    repository,
)
from hotloop import paths
from hotloop.actions.parse import Parsed
from hotloop.actions.types import Action, Observation, Read
from hotloop.ledger.events import (
    Effect,
    Event,
    LeverAccount,
    StepKind,
    ToolEnd,
    ToolStart,
)
from hotloop.levers.budget import limit_tokens
from hotloop.loop.budget import Budget
from hotloop.loop.dispatch import Dispatch
from hotloop.tools.base import ToolContext
from scripted_endpoint import Call, finish, serve, text


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


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
