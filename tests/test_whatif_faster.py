from __future__ import annotations

import pytest

from article_session import article_events, session_start
from hotloop.ledger.events import (
    CallStart,
    Effect,
    Event,
    StepEnd,
    StepKind,
    StepStart,
)
from hotloop.ledger.report import report
from hotloop.ledger.whatif import what_if
from hotloop.sim.profile import Cache, Profile, load_profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.timing import draw, timetable
from whatif_story import Story, on, wall


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
