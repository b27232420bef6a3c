from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from article_session import article_events, session_start
from hotloop.ledger.events import (
    CallEnd,
    CallStart,
    Effect,
    Event,
    LeverAccount,
    Marks,
    Outcome,
    StepEnd,
    StepKind,
    StepStart,
    TestsRun,
    ToolEnd,
    ToolStart,
    Usage,
)
from hotloop.ledger.report import fold, report
from hotloop.ledger.whatif import Projection, what_if
from hotloop.sim.profile import Cache, Profile, load_profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.timing import draw, timetable

INSTANT = Profile()


class Story:
    """A session told moment by moment; `events` sorts what was told by time."""

    def __init__(self) -> None:
        self._events: list[tuple[float, int, Event]] = []
        self.tell(session_start())

    def tell(self, *events: Event) -> None:
        self._events += [
            (event.t_s, len(self._events) + n, event) for n, event in enumerate(events)
        ]

    def call(
        self,
        number: int,
        start_s: float,
        end_s: float,
        *,
        first_s: float | None = None,
        tokens: tuple[int, int, int] = (1000, 0, 100),
        purpose: str = "step",
        error: str = "",
        connected_s: float | None = None,
    ) -> None:
        step = number if purpose == "step" else -1
        shown_s = start_s + 0.5 * (end_s - start_s) if first_s is None else first_s
        marks = Marks(
            start_s=start_s,
            connected_s=connected_s,
            first_token_s=None if error else shown_s,
            last_token_s=None if error else end_s,
            end_s=end_s,
        )
        input_tokens, cached, output = tokens
        usage = Usage(
            input_tokens=input_tokens,
            cached_tokens=cached,
            output_tokens=output,
            reported=not error,
        )
        self.tell(
            CallStart(t_s=start_s, call=number, step=step, request_bytes=1, purpose=purpose),
            CallEnd(
                t_s=end_s,
                call=number,
                step=step,
                marks=marks,
                usage=usage,
                wait_s=end_s - start_s if purpose == "step" else 0.0,
                purpose=purpose,
                error=error,
            ),
        )

    def tool(
        self,
        action: str,
        start_s: float,
        end_s: float,
        *,
        lever: str = "",
        effect: Effect = Effect.NONE,
        name: str = "read",
        green: bool | None = None,
        summary: str = "",
        step: int = 99,
    ) -> None:
        self.tell(
            ToolStart(t_s=start_s, step=step, action=action, tool=name, effect=effect, lever=lever),
            ToolEnd(
                t_s=end_s,
                step=step,
                action=action,
                tool=name,
                start_s=start_s,
                duration_s=end_s - start_s,
                ok=True,
                summary=summary,
            ),
        )
        if green is not None:
            run = TestsRun(
                t_s=end_s,
                action=action,
                command="t",
                green=green,
                passed=1,
                failed=0,
                duration_s=min(0.5, end_s - start_s),
            )
            self.tell(run)

    def ended(self, wall_s: float, outcome: Outcome = Outcome.SOLVED) -> list[Event]:
        events = [event for _, _, event in sorted(self._events, key=lambda one: one[:2])]
        events.append(fold(events).session_end(outcome, "s", wall_s))
        return events


def on(events: Sequence[Event], **fields: float) -> Projection:
    return what_if(events, ProfilePace(Profile(**fields)))  # pyright: ignore[reportArgumentType]


def wall(events: Sequence[Event], **fields: float) -> float:
    return on(events, **fields).after.wall_s


@pytest.mark.parametrize(("name", "total_s"), [("fast", 21.7), ("slow", 37.0)])
def test_the_articles_session_on_its_profiles(name: str, total_s: float) -> None:
    made = what_if(article_events(), ProfilePace(load_profile(name)))
    assert made.after.wall_s == pytest.approx(total_s, rel=0.03)
    rows = {row.kind: row.time_s for row in report(made.after).rows}
    assert rows[StepKind.TEST] == pytest.approx(5.0)
    pace = load_profile(name)
    plan = timetable(pace, 8_000, 0, 152)
    assert rows[StepKind.PLAN] == pytest.approx(plan.end_s)
    assert sum(s for s in rows.values()) == pytest.approx(made.after.wall_s)


def test_at_its_own_pace_nothing_changes() -> None:
    made = what_if(article_events())
    before, after = report(made.before), report(made.after)
    assert [(r.kind, pytest.approx(r.time_s)) for r in before.rows] == [
        (r.kind, r.time_s) for r in after.rows
    ]
    assert after.critical_path.seconds == pytest.approx(before.critical_path.seconds)


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(
        st.tuples(
            st.sampled_from(["call", "tool", "eager", "beside"]),
            st.floats(0.01, 5.0),
            st.floats(0.0, 0.5),
            st.floats(0.05, 0.95),
        ),
        min_size=1,
        max_size=12,
    ),
    base_s=st.floats(0.0, 2.0),
    rate=st.floats(10, 500),
)
def test_own_pace_is_the_identity_and_a_slower_backend_is_never_faster(
    spans: list[tuple[str, float, float, float]], base_s: float, rate: float
) -> None:
    story, now = Story(), 0.0
    for number, (kind, took_s, gap_s, share) in enumerate(spans):
        now += gap_s
        match kind:
            case "tool":
                story.tool(f"t{number}", now, now + took_s)
            case "eager":
                begun_s = now + share * took_s
                story.call(number, now, now + took_s)
                story.tool(f"c{number}a0", begun_s, begun_s + took_s, lever="eager")
                now = max(now, begun_s)
            case "beside":
                story.call(number, now, now + took_s, purpose="warm_start")
                story.tool(f"t{number}", now, now + 2 * took_s)
                now += took_s
            case _:
                story.call(number, now, now + took_s)
        now += took_s
    events = story.ended(now + 0.1)
    assert what_if(events).after.wall_s == pytest.approx(now + 0.1)
    quick = wall(events, ttft_base_s=base_s, decode_tok_s=rate)
    slow = wall(events, ttft_base_s=base_s + 1, decode_tok_s=rate / 2)
    assert slow >= quick - 1e-9


def test_a_tool_that_began_inside_an_answer_still_does() -> None:
    story = Story()
    story.call(1, 0, 11, first_s=1)
    story.tool("c1a0", 6, 9, lever="eager")  # half of the answer was there
    story.call(2, 11, 12, first_s=11.5)
    events = story.ended(12)
    # 1 s, then 100 tokens in 2 s; the tool begins at 2 s and ends at 5 s, behind the answer.
    assert wall(events, ttft_base_s=1, decode_tok_s=50) == pytest.approx(5 + 3)


def test_without_eager_the_tool_begins_behind_the_answer() -> None:
    story = Story()
    story.call(1, 0, 11, first_s=1)
    story.tool("c1a0", 6, 9, lever="eager")
    events = story.ended(11.1)
    made = what_if(events, None, "eager")
    assert made.lever is not None
    assert made.lever.how == "measured"
    assert made.lever.worth_s == pytest.approx(3)
    both = what_if(events, ProfilePace(Profile(ttft_base_s=1, decode_tok_s=50)), "eager")
    assert both.lever is not None
    assert both.lever.worth_s == pytest.approx(1)  # it had 1 s of the answer to hide in


def test_without_parallel_tools_run_in_turn() -> None:
    story = Story()
    story.call(1, 0, 1)
    story.tool("c1a0", 1, 3)
    story.tool("c1a1", 1, 2)
    story.call(2, 3, 4)
    made = what_if(story.ended(4), None, "parallel")
    assert made.lever is not None
    assert made.lever.worth_s == pytest.approx(1)


def test_without_warm_start_its_tokens_are_prefilled_by_the_first_call() -> None:
    story = Story()
    story.call(1, 0, 4, tokens=(400, 0, 1), purpose="warm_start", first_s=4)
    story.tool("test1", 0, 5, name="test")
    story.call(2, 5, 8, tokens=(600, 400, 10), first_s=7)  # 100 tokens/s
    made = what_if(story.ended(8), None, "warm_start")
    assert made.lever is not None
    assert made.lever.how == "estimated"
    assert made.lever.worth_s == pytest.approx(4)


def test_a_lever_that_only_has_an_account_is_taken_at_its_word() -> None:
    story = Story()
    story.call(1, 0, 1)
    story.tell(LeverAccount(t_s=1, lever="race", saved_s=3, wasted_s=1))
    made = what_if(story.ended(1), None, "race")
    assert made.lever is not None
    assert (made.lever.how, made.lever.worth_s) == ("own account", pytest.approx(2))


@pytest.mark.parametrize("lever", ["prefetch", "finish", "warm_tests"])
def test_what_cannot_be_known_is_said(lever: str) -> None:
    story = Story()
    story.call(1, 0, 1)
    made = what_if(story.ended(1), None, lever)
    assert made.lever is not None
    assert (made.lever.how, made.lever.worth_s) == ("unknown", None)
    assert f"--without {lever}" in made.lever.why


@pytest.mark.parametrize("lever", ["hedge", "budget"])
def test_what_a_lever_wasted_is_not_taken_for_what_it_was_worth(lever: str) -> None:
    story = Story()
    story.call(1, 0, 1)
    story.tell(LeverAccount(t_s=1, lever=lever, wasted_s=1, detail="1 of 1 calls asked twice"))
    made = what_if(story.ended(1), None, lever)
    assert made.lever is not None
    assert (made.lever.how, made.lever.worth_s) == ("unknown", None)


def test_answers_of_other_endpoints_are_named() -> None:
    story = Story()
    story.call(1, 0, 1)
    events = story.ended(1)
    ends = [event for event in events if isinstance(event, CallEnd)]
    ends[0].backend = "http://small/v1"
    assert "call 1 answered by another endpoint: taken as all the others" in what_if(events).notes


@pytest.mark.parametrize("lever", ["parallel", "hedge", "roles", "budget"])
def test_a_lever_that_did_nothing_was_worth_nothing(lever: str) -> None:
    made = what_if(article_events(), None, lever)
    assert made.lever is not None
    assert (made.lever.how, made.lever.worth_s) == ("measured", 0)


def won() -> list[Event]:
    """The second candidate wins while a third call runs, which is cancelled."""
    story = Story()
    story.call(1, 0, 4)
    story.tool("trial1", 4, 5, lever="race", name="test", green=False, effect=Effect.PROCESS)
    story.call(2, 4, 8)
    story.tool("trial2", 8, 9, lever="race", name="test", green=True, effect=Effect.PROCESS)
    story.call(3, 8, 9, error="cancelled", tokens=(1000, 0, 5))
    story.tool("test7", 9.1, 10, name="test", effect=Effect.PROCESS)
    return story.ended(10)


def test_a_call_that_a_winner_cancels_does_not_delay_what_follows() -> None:
    events = won()
    assert what_if(events).after.wall_s == pytest.approx(10)
    made = on(events, ttft_base_s=20, decode_tok_s=100)
    assert made.after.wall_s == pytest.approx(2 * 21 + 1 + 0.1 + 0.9)
    last = made.after.calls[-1]
    assert last.end_s == pytest.approx(43)
    assert any("call 3 cut short" in note for note in made.notes)


def test_candidates_queue_where_answers_come_faster_than_tests() -> None:
    # Both answers are there at once; the candidates' tests take a second each, one at a time.
    assert wall(won()) == pytest.approx(1 + 1 + 0.1 + 0.9)


def test_a_call_that_is_over_only_after_the_winner_is_cut() -> None:
    story = Story()
    story.call(1, 0, 4)
    story.tool("trial1", 4, 9, lever="race", name="test", green=True, effect=Effect.PROCESS)
    story.call(2, 4, 8)
    story.tool("test7", 9, 10, name="test", effect=Effect.PROCESS)
    made = on(story.ended(10), ttft_base_s=10)
    assert made.after.wall_s == pytest.approx(10 + 5 + 1)
    assert max(call.end_s for call in made.after.calls) == pytest.approx(15)


def test_an_edit_waits_for_first_tests_that_a_slow_call_had_hidden() -> None:
    story = Story()
    story.tell(StepStart(t_s=0, step=1, kind=StepKind.PREFETCH))
    story.tool("test1", 0, 3, name="test", effect=Effect.PROCESS, step=1)
    story.tell(StepEnd(t_s=3, step=1, kind=StepKind.PREFETCH, start_s=0, duration_s=3))
    story.call(1, 0.01, 5)
    story.tool("c1a0", 5, 5.5, effect=Effect.WORKSPACE, name="edit")
    events = story.ended(5.5)
    assert wall(events) == pytest.approx(3.5)
    reader = Story()
    reader.tell(StepStart(t_s=0, step=1, kind=StepKind.PREFETCH))
    reader.tool("test1", 0, 3, name="test", effect=Effect.PROCESS, step=1)
    reader.call(1, 0.01, 5)
    reader.tool("c1a0", 5, 5.5)
    reader.call(2, 5.5, 6)
    made = on(reader.ended(6))
    assert made.after.calls[1].start_s == pytest.approx(0.51)  # a read does not wait for them
    assert made.after.wall_s == pytest.approx(3)  # the end does


def test_one_slot_serves_one_call_at_a_time() -> None:
    story = Story()
    story.tool("t1", 0, 1)
    story.call(1, 1, 2, purpose="prefill_ahead", tokens=(100, 0, 100))
    story.call(2, 1.001, 3, tokens=(100, 0, 100))
    events = story.ended(3)
    assert wall(events, decode_tok_s=50, slots=2) == pytest.approx(1 + 2, abs=0.01)
    assert wall(events, decode_tok_s=50, slots=1) == pytest.approx(1 + 4, abs=0.01)
    shared = wall(events, decode_tok_s=50, slots=2, share_cost=0.5)
    assert shared == pytest.approx(1 + 3, rel=0.02)


def test_time_lost_to_retries_is_left_out_and_said() -> None:
    story = Story()
    story.call(1, 0, 5, connected_s=2.5, first_s=3)
    made = on(story.ended(5), ttft_base_s=1, decode_tok_s=100)
    assert made.after.wall_s == pytest.approx(2)
    assert "call 1 tried again: 2.5 s for that are left out" in made.notes


def test_a_refused_call_takes_what_it_took() -> None:
    story = Story()
    story.call(1, 0, 0.4, error="HTTP 400", tokens=(1000, 0, 0))
    story.call(2, 0.4, 2)
    made = on(story.ended(2), ttft_base_s=1, decode_tok_s=100)
    assert made.after.wall_s == pytest.approx(2.4)
    assert made.sure_share == pytest.approx(2 / 2.4)


def test_cached_tokens_are_those_of_the_other_backends_blocks() -> None:
    story = Story()
    story.call(1, 0, 1, tokens=(1000, 0, 1))
    story.call(2, 1, 2, tokens=(1200, 992, 1))
    events = story.ended(2)
    exact = Profile(prefill_tok_s=100, cache=Cache(block_tokens=1))
    blocks = Profile(prefill_tok_s=100, cache=Cache(block_tokens=128))
    off = Profile(prefill_tok_s=100, cache=Cache(enabled=False))
    brief = Profile(prefill_tok_s=100, ttft_base_s=1, cache=Cache(ttl_s=0))
    story.tool("t", 2, 2.5)
    walls = [what_if(events, ProfilePace(p)).after.wall_s for p in (exact, blocks, off, brief)]
    assert walls == pytest.approx([10 + 2, 10 + 3.04, 10 + 12, 1 + 10 + 1 + 2.08], abs=0.01)


def test_a_slow_tail_is_drawn_as_the_simulated_backend_draws_it() -> None:
    tail = load_profile("tracelab")
    slows = [draw(tail, number).slow for number in range(9)]
    made = what_if(article_events(), ProfilePace(tail))
    calls = [call.end_s - call.start_s for call in made.after.calls]
    first = timetable(tail, 8_000, 0, 152, slow=slows[0], fresh_connection=True)
    assert calls[0] == pytest.approx(first.end_s)


def test_an_interrupted_session_is_computed_as_far_as_it_came() -> None:
    story = Story()
    story.call(1, 0, 2)
    story.tell(StepStart(t_s=2, step=2, kind=StepKind.COMPACT))
    story.tell(CallStart(t_s=2, call=2, step=2, request_bytes=1))
    story.tool("t", 2, 3)
    events = story.ended(3)[:-1]
    assert what_if(events).after.wall_s == pytest.approx(3)
    made = on(events, ttft_base_s=0.5, decode_tok_s=200)
    assert "the session was interrupted: only what it did is computed" in made.notes
    assert made.after.wall_s == pytest.approx(2)
    rows = {row.kind: row.time_s for row in report(made.after).rows}
    assert rows[StepKind.COMPACT] == pytest.approx(1)


def test_an_empty_session_has_no_time() -> None:
    assert wall([session_start()]) == 0
