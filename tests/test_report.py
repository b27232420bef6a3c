from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_session import DONE, INSTANT, repository, says
from article_session import PROMPT_TOKENS, article_events, call, session_start, tool
from endpoints import meet
from hotloop.config import Config
from hotloop.ledger.critical import Category, critical_path
from hotloop.ledger.events import (
    CallDelta,
    CallStart,
    Event,
    LeverAccount,
    Outcome,
    StepEnd,
    StepKind,
    StepStart,
)
from hotloop.ledger.events import TestsRun as RanTests
from hotloop.ledger.report import fold, report, rows, totals
from hotloop.sim.script import Script
from hotloop.sim.server import SimServer


def composition(*events: Event) -> dict[Category, float]:
    path = critical_path(fold([session_start(), *events]))
    return {name: round(value, 6) for name, value in path.seconds.items() if value > 1e-9}


def test_rows_stand_in_the_articles_order_with_its_times() -> None:
    table = rows(fold(article_events()))
    assert [(row.label, row.count, round(row.time_s, 6)) for row in table] == [
        ("Plan", 1, 2.2),
        ("Tool calls", 5, 5.0),
        ("Read and reason", 1, 2.0),
        ("Generate code", 1, 6.0),
        ("Run tests", 1, 5.0),
        ("Verify", 1, 1.5),
    ]
    assert [row.over_budget for row in table] == [True, False, False, False, False, False]
    assert sum(row.share for row in table) == pytest.approx(1.0)


def test_a_row_counts_tokens_and_speed_of_its_calls() -> None:
    tool_calls = rows(fold(article_events()))[1]
    assert tool_calls.tool_runs == 5
    assert tool_calls.input_tokens == 5 * PROMPT_TOKENS
    assert tool_calls.cached_tokens == 5 * (PROMPT_TOKENS - 500)
    assert tool_calls.output_tokens == 280
    assert tool_calls.tokens_per_s == pytest.approx(80)
    assert tool_calls.ttft_s == pytest.approx(0.3)


def test_totals_of_the_articles_session() -> None:
    total = totals(fold(article_events()))
    assert total.wall_s == pytest.approx(21.7)
    assert total.over_budget
    assert total.model_calls == 9
    assert total.model_wait_s == pytest.approx(16.7)
    assert total.mean_wait_s == pytest.approx(16.7 / 9)
    assert total.output_tokens == 1120
    assert total.outcome == "solved"


def test_critical_path_of_the_articles_session() -> None:
    seconds = critical_path(fold(article_events())).seconds
    assert seconds["prefill"] == pytest.approx(9 * 0.3)
    assert seconds["decode"] == pytest.approx(1120 / 80)
    assert seconds["tests"] == pytest.approx(5.0)
    assert seconds["tools"] == pytest.approx(0)
    assert seconds["harness"] == pytest.approx(0)


def test_connecting_again_and_again_is_not_prefill() -> None:
    late = call(0, 0, 0.0, 5.0, ttft_s=4.0)
    late.marks.connected_s = 3.5
    assert composition(late) == {"connect": 3.5, "prefill": 0.5, "decode": 1.0}
    down = call(0, 0, 0.0, 3.0)
    down.marks.first_token_s = down.marks.last_token_s = None
    down.error = "nothing listens"
    assert composition(down) == {"connect": 3.0}
    silent = call(0, 0, 0.0, 3.0)
    silent.marks.first_token_s = silent.marks.last_token_s = None
    silent.marks.connected_s = 0.1
    silent.error = "cancelled"
    assert composition(silent) == {"connect": 0.1, "prefill": 2.9}


def test_an_endpoint_that_comes_up_late_was_connected_to_for_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))

    async def main() -> list[Event]:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        refused = asyncio.Event()
        url = f"http://127.0.0.1:{port}/v1"
        config = Config(backend=url, model="sim-instant", dialect="native", test="false")
        work = asyncio.create_task(meet(repository(tmp_path), config, refused.set))
        await refused.wait()
        async with SimServer(INSTANT, Script(replies=(says(DONE),) * 4), port=port):
            return (await work).events

    summary = fold(asyncio.run(main()))
    seconds = critical_path(summary).seconds
    assert seconds["connect"] >= 0.25, "the shortest wait before another try"
    assert seconds["prefill"] < 0.1
    assert sum(seconds.values()) == pytest.approx(summary.wall_s)


def test_prefetch_and_compaction_rows_come_last_and_only_when_present() -> None:
    steps = [
        StepEnd(t_s=1, step=0, kind=StepKind.PREFETCH, start_s=0, duration_s=1),
        StepEnd(t_s=2, step=1, kind=StepKind.PLAN, start_s=1, duration_s=1),
    ]
    assert [row.label for row in rows(fold(steps))][5:] == ["Verify", "Prefetch"]


def test_a_call_outside_of_all_steps_keeps_the_table_adding_up() -> None:
    events = [session_start(), call(0, -1, 0.0, 1.0, purpose="warm", wait_s=0.0)]
    table = rows(fold(events))
    assert table[-1].kind is None
    assert sum(row.input_tokens for row in table) == totals(fold(events)).input_tokens


def test_only_steps_with_a_budget_are_held_against_it() -> None:
    steps = [
        StepEnd(t_s=2, step=0, kind=StepKind.PLAN, start_s=0, duration_s=2, budget_s=3),
        StepEnd(t_s=9, step=1, kind=StepKind.PLAN, start_s=2, duration_s=7),
    ]
    plan = rows(fold(steps))[0]
    assert (plan.time_s, plan.budget_s, plan.over_budget) == (9, 3, False)


def test_many_short_steps_have_no_more_budget_than_the_session() -> None:
    start = session_start()
    steps = [
        StepEnd(t_s=n, step=n, kind=StepKind.TEST, start_s=n, duration_s=0.1, budget_s=0.4)
        for n in range(100)
    ]
    tests = next(row for row in rows(fold([start, *steps])) if row.kind is StepKind.TEST)
    assert (tests.budget_s, tests.over_budget) == (start.budget_s, False)


def test_time_between_spans_is_the_harness() -> None:
    assert composition(call(0, 0, 0.5, 2.0), *tool("a", 0, 2.25, 1.0)) == {
        "prefill": 0.3,
        "decode": 1.2,
        "tools": 1.0,
        "harness": 0.75,
    }


def test_of_parallel_tools_the_last_to_end_counts() -> None:
    events = [*tool("a", 0, 0.0, 1.0), *tool("b", 0, 0.0, 3.0, "test"), call(0, 1, 3.0, 4.0)]
    assert composition(*events) == {"tests": 3.0, "prefill": 0.3, "decode": 0.7}


def test_an_eager_tool_follows_the_stream_that_started_it() -> None:
    events = [call(0, 0, 0.0, 6.0), *tool("a", 0, 5.0, 3.0)]
    assert composition(*events) == {"prefill": 0.3, "decode": 4.7, "tools": 3.0}


def test_tests_that_overlap_the_models_writing_end_the_path() -> None:
    events = [
        call(0, 0, 0.0, 6.0),
        *tool("e", 0, 4.0, 0.1, "edit"),
        *tool("t", 0, 4.1, 8.0, "test"),
    ]
    assert composition(*events) == {"prefill": 0.3, "decode": 3.8, "tests": 8.0}


def test_a_call_nobody_waited_for_is_not_on_the_path() -> None:
    warm = call(0, 0, 0.0, 9.0, purpose="warm", wait_s=0.0)
    events = [*tool("a", 0, 0.0, 2.0), call(1, 0, 2.0, 10.0), warm]
    assert composition(*events) == {"tools": 2.0, "prefill": 0.3, "decode": 7.7}


def test_a_lever_call_the_loop_waited_for_counts_as_a_model_call() -> None:
    events = [session_start(), call(0, 0, 0.0, 2.0, purpose="race", wait_s=1.5)]
    end = fold(events).session_end(Outcome.SOLVED, "s", 2.0)
    assert (end.model_calls, end.model_wait_s) == (1, 1.5)
    assert composition(*events[1:]) == {"prefill": 0.3, "decode": 1.7}


@pytest.mark.parametrize("lever", ["prefill_ahead", "slot_restore", "warm_start"])
def test_waiting_for_a_prompt_to_be_read_is_waiting_for_the_next_call(lever: str) -> None:
    summary = fold(
        [
            session_start(),
            call(0, 0, 0.0, 2.0, purpose=lever, wait_s=1.5),
            call(1, 1, 2.0, 4.5),
        ]
    )
    end = summary.session_end(Outcome.SOLVED, "s", 4.5)
    assert (end.model_calls, end.model_wait_s) == (1, 4.0)
    assert totals(summary).mean_wait_s == 4.0


def test_a_gap_in_which_a_tool_ran_is_not_the_harness() -> None:
    events = [*tool("t", 0, 1.0, 8.0, "test"), call(0, 0, 5.0, 10.0)]
    assert composition(*events) == {
        "harness": 1.0,
        "tests": 4.0,
        "prefill": 0.3,
        "decode": 4.7,
    }


def test_a_test_run_without_a_tool_is_on_the_path() -> None:
    run = RanTests(
        t_s=5, action="", command="make test", green=False, passed=0, failed=1, duration_s=4
    )
    assert composition(run) == {"harness": 1.0, "tests": 4.0}


spans = st.lists(
    st.tuples(
        st.sampled_from(["step", "warm", "read", "test"]),
        st.floats(0, 50, allow_nan=False),
        st.floats(0, 20, allow_nan=False),
    ),
    max_size=15,
)


@given(spans, st.floats(0, 80))
def test_the_critical_path_is_as_long_as_the_wall_time(
    drawn: list[tuple[str, float, float]], wall_s: float
) -> None:
    events: list[Event] = [session_start()]
    for number, (name, start_s, length_s) in enumerate(drawn):
        if name in {"step", "warm"}:
            wait_s = length_s if name == "step" else 0.0
            ttft_s = length_s / 3
            end_s = start_s + length_s
            events.append(
                call(number, 0, start_s, end_s, ttft_s=ttft_s, purpose=name, wait_s=wait_s)
            )
        else:
            events.extend(tool(f"a{number}", 0, start_s, length_s, name))
    summary = fold(events)
    summary.add(summary.session_end(Outcome.SOLVED, "s", wall_s))
    path = critical_path(summary)
    edges = [(part.start_s, part.end_s) for part in path.segments]
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]
    assert all(start < end for start, end in edges)
    assert (edges[0][0], edges[-1][1]) == (0.0, wall_s) if edges else wall_s == 0
    assert sum(path.seconds.values()) == pytest.approx(wall_s)


def test_a_session_cut_short_shows_how_far_it_came() -> None:
    events = [
        session_start(),
        StepStart(t_s=1.0, step=0, kind=StepKind.PLAN, budget_s=2.0),
        CallStart(t_s=1.0, call=0, step=0, request_bytes=100),
        CallDelta(t_s=3.0, call=0, channel="text", text="I"),
        CallDelta(t_s=4.0, call=0, channel="text", text=" think"),
    ]
    made = report(fold(events))
    assert made.totals.outcome == "interrupted"
    assert (made.rows[0].time_s, made.rows[0].over_budget) == (3.0, True)
    assert composition(*events[1:]) == {"harness": 1.0, "prefill": 2.0, "decode": 1.0}


def test_accounts_of_a_lever_add_up() -> None:
    accounts = [
        LeverAccount(t_s=1, lever="eager", saved_s=1, wasted_s=0.5),
        LeverAccount(t_s=2, lever="eager", saved_s=2),
        LeverAccount(t_s=2, lever="race", wasted_s=3, detail="2 lost"),
    ]
    levers = report(fold(accounts)).levers
    assert [(one.lever, one.saved_s, one.wasted_s) for one in levers] == [
        ("eager", 3, 0.5),
        ("race", 0, 3),
    ]


def test_session_end_counts_tokens_of_every_call_and_lists_steps_by_start() -> None:
    events = [
        session_start(),
        call(0, 0, 0.0, 1.0, purpose="warm", wait_s=0.0, output_tokens=1),
        call(1, 0, 1.0, 3.0, output_tokens=20),
        StepEnd(t_s=5, step=1, kind=StepKind.TEST, start_s=3, duration_s=2),
        StepEnd(t_s=3, step=0, kind=StepKind.PLAN, start_s=0, duration_s=3, budget_s=1),
    ]
    end = fold(events).session_end(Outcome.UNSOLVED, "s-1", 5.5)
    assert (end.wall_s, end.model_calls, end.model_wait_s) == (5.5, 1, 2.0)
    assert (end.input_tokens, end.output_tokens) == (2 * PROMPT_TOKENS, 21)
    assert [step.kind for step in end.steps] == [StepKind.PLAN, StepKind.TEST]


def test_an_empty_session_has_a_report() -> None:
    made = report(fold([]))
    assert (made.totals.mean_wait_s, made.critical_path.segments) == (None, [])
