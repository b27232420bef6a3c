from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from article_session import article_events
from hotloop.ledger.events import (
    CallEnd,
    LeverAccount,
    StepKind,
)
from hotloop.ledger.report import report
from hotloop.ledger.whatif import what_if
from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.timing import timetable
from whatif_story import Story, wall


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


def test_without_prefill_ahead_what_other_calls_had_sent_is_still_cached() -> None:
    story = Story()
    story.call(1, 0, 4, tokens=(400, 0, 1), purpose="warm_start", first_s=4)
    story.call(2, 4, 6, tokens=(600, 400, 1), purpose="prefill_ahead", first_s=6)
    story.tool("test1", 0, 7, name="test")
    story.call(3, 7, 8, tokens=(600, 600, 10), first_s=7)  # 100 tokens/s
    made = what_if(story.ended(8), None, "prefill_ahead")
    assert made.lever is not None
    assert made.lever.worth_s == pytest.approx(2)


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
