"""The simulated backend's parts without a socket: timetable, cache, clock, script, profiles."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.errors import UsageError
from hotloop.ledger.events import (
    ActionParsed,
    CallDelta,
    CallEnd,
    Event,
    Marks,
    SessionStart,
    StepKind,
    Usage,
)
from hotloop.sim.article import STEPS, TOTAL_S, TWO_ITERATIONS_S, rows_s
from hotloop.sim.cache import PrefixCache, common_prefix, count_tokens
from hotloop.sim.clock import Decoder, Slots
from hotloop.sim.filler import example
from hotloop.sim.profile import Cache, Fault, Profile, Tail, load_profile
from hotloop.sim.replay import script_from_events
from hotloop.sim.script import Reply, Script, ToolCall, load_script
from hotloop.sim.speech import speak
from hotloop.sim.timing import draw, timetable
from hotloop.sim.wire import ChatRequest, Message


def request(turn: int = 0, last: str = "go", **fields: object) -> ChatRequest:
    before = [{"role": "assistant", "content": "."}] * turn
    messages = [*before, {"role": "user", "content": last}]
    return msgspec.convert({"messages": messages, **fields}, ChatRequest)


@pytest.mark.parametrize(("name", "row_tolerance"), [("fast", 0.03), ("slow", 0.10)])
def test_the_articles_table_comes_out(name: str, row_tolerance: float) -> None:
    rows = rows_s(load_profile(name))
    for step in STEPS:
        stated = step.fast_s if name == "fast" else step.slow_s
        assert rows[step.kind] == pytest.approx(stated, rel=row_tolerance), step.kind
    assert sum(rows.values()) == pytest.approx(TOTAL_S[name], rel=0.03)


@pytest.mark.parametrize("name", ["fast", "slow"])
def test_a_second_iteration_comes_out(name: str) -> None:
    rows = rows_s(load_profile(name), iterations=2)
    assert sum(rows.values()) == pytest.approx(TWO_ITERATIONS_S[name], rel=0.07)
    assert rows[StepKind.PLAN] == rows_s(load_profile(name))[StepKind.PLAN]


def test_tracelab_median_call_takes_what_the_paper_says() -> None:
    profile = load_profile("tracelab")
    call = timetable(profile, 118_656 + 875, 118_656, 214)
    assert call.end_s == pytest.approx(4.9, rel=0.03)


def test_instant_takes_no_time() -> None:
    assert timetable(load_profile("instant"), 8_000, 0, 500, fresh_connection=True).end_s == 0


def test_each_field_of_a_profile_costs_its_time() -> None:
    profile = Profile(
        connect_s=1, queue_s=2, ttft_base_s=4, prefill_tok_s=10, decode_tok_s=2, structured_factor=3
    )
    times = timetable(profile, 100, 80, 10, structured=True, fresh_connection=True)
    assert times.headers_s == 3
    assert times.first_token_s == 3 + 4 + 2
    assert times.token_s == 1.5
    assert times.end_s == 9 + 15
    again = timetable(profile, 100, 80, 10)
    assert again.end_s == 2 + 4 + 2 + 5


@given(st.floats(0.01, 10), st.integers(0, 5_000), st.integers(0, 500))
def test_time_scale_multiplies_every_time(scale: float, tokens: int, output: int) -> None:
    profile = Profile(queue_s=0.2, ttft_base_s=0.3, prefill_tok_s=500, decode_tok_s=80)
    scaled = msgspec.structs.replace(profile, time_scale=scale)
    plain, other = (timetable(p, tokens, 0, output) for p in (profile, scaled))
    assert other.end_s == pytest.approx(plain.end_s * scale)
    assert other.first_token_s == pytest.approx(plain.first_token_s * scale)


def test_draws_depend_on_seed_and_request_only() -> None:
    profile = Profile(tail=Tail(share=0.3, sigma=1), faults=(Fault(kind="cut", rate=0.2),), seed=7)
    draws = [draw(profile, index) for index in range(1_000)]
    assert draws == [draw(profile, index) for index in range(1_000)]
    other = msgspec.structs.replace(profile, seed=8)
    assert draws != [draw(other, index) for index in range(1_000)]
    assert sum(d.slow > 1 for d in draws) == pytest.approx(300, rel=0.2)
    assert sum(d.fault is not None for d in draws) == pytest.approx(200, rel=0.25)
    assert min(d.slow for d in draws) == 1


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_common_prefix_is_the_longest(start: bytes, first: bytes, second: bytes) -> None:
    count = common_prefix(start + first, start + second)
    assert count >= len(start)
    assert (start + first)[:count] == (start + second)[:count]
    assert (start + first)[count : count + 1] != (start + second)[
        count : count + 1
    ] or count == min(len(start + first), len(start + second))


def test_cache_returns_whole_blocks_of_the_longest_match() -> None:
    cache = PrefixCache(Cache(block_tokens=16))
    prompt = bytes(range(256)) * 4
    cache.store(b"other", 0)
    cache.store(prompt[:500], 0)
    assert cache.match(prompt, 1) == 112
    cache.store(prompt, 1)
    assert cache.match(prompt, 2) == 240, "at least one token is always prefilled"
    assert cache.match(b"x" + prompt, 2) == 0


def test_cache_forgets_what_is_not_used() -> None:
    cache = PrefixCache(Cache(ttl_s=10, block_tokens=1))
    cache.store(b"a" * 400, 0)
    assert cache.match(b"a" * 404, 9) == 100
    assert cache.match(b"a" * 404, 18) == 100, "a use keeps it alive"
    assert cache.match(b"a" * 404, 29) == 0


def test_cache_can_be_off() -> None:
    cache = PrefixCache(Cache(enabled=False))
    cache.store(b"a" * 400, 0)
    assert cache.match(b"a" * 400, 0) == 0


def test_late_wake_ups_do_not_shift_later_tokens() -> None:
    sequence = Decoder(0).join(100.0, 0.5)
    assert [sequence.due_s(token) for token in range(4)] == [100.0, 100.5, 101.0, 101.5]
    assert sequence.due_tokens(99.9, 10) == 0
    assert sequence.due_tokens(101.2, 10) == 3, "a late wake-up finds all that is due"
    assert sequence.due_s(9) == 104.5
    assert sequence.due_tokens(1_000, 10) == 10


def test_sequences_slow_each_other_only_while_together() -> None:
    decoder = Decoder(share_cost=1.0)
    first = decoder.join(0.0, 1.0)
    assert first.due_s(10) == 10
    second = decoder.join(4.0, 1.0)
    assert first.due_s(10) == 16, "4 tokens alone, 6 at half the pace"
    assert second.due_s(3) == 10
    decoder.leave(second, 10.0)
    assert first.due_s(10) == 13, "4 alone, 3 together, 3 alone again"


def test_a_cancelled_wait_for_a_slot_loses_no_slot() -> None:
    async def scenario() -> float:
        slots = Slots(1)
        assert await slots.take(0.0) == 0.0
        waiting = [asyncio.ensure_future(slots.take(1.0)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        slots.release(2.0)
        waiting[1].cancel()
        await asyncio.wait(waiting[:2])
        return await waiting[2]

    assert asyncio.run(scenario()) == 2.0


@given(st.text(max_size=300), st.text(max_size=50), st.integers(0, 200), st.booleans())
def test_a_reply_is_cut_into_exactly_its_tokens(
    text: str, reasoning: str, tokens: int, burst: bool
) -> None:
    call = ToolCall(name="read", arguments={"path": text})
    reply = Reply(text=text, reasoning=reasoning, tool_calls=(call,), tokens=tokens)
    speech = speak(reply, request(tools=[{"type": "function"}]), burst)
    assert len(speech.tokens) == tokens
    deltas = [delta for token in speech.tokens for delta in token]
    if not tokens:
        assert deltas == []
        return
    assert "".join(str(d.get("content", "")) for d in deltas) == text
    assert "".join(str(d.get("reasoning_content", "")) for d in deltas) == reasoning
    calls = [
        call
        for d in deltas
        for call in msgspec.convert(d.get("tool_calls", []), list[dict[str, Any]])
    ]
    arguments = "".join(c["function"]["arguments"] for c in calls)
    assert json.loads(arguments) == {"path": text}
    assert [c["function"]["name"] for c in calls if "name" in c["function"]] == ["read"]
    assert not burst or len(calls) == 1


def test_the_token_limit_cuts_a_reply() -> None:
    speech = speak(Reply(text="x" * 400), request(max_tokens=10), burst=False)
    assert (len(speech.tokens), speech.finish) == (10, "length")
    assert speech.message() == {"role": "assistant", "content": "x" * 40}
    assert speak(Reply(text="x" * 40), request(max_tokens=10), burst=False).finish == "stop"
    assert speak(Reply(text="x" * 400), request(max_tokens=-1), burst=False).finish == "stop"


def test_a_tool_call_without_tools_is_written_as_fenced_json() -> None:
    reply = Reply(tool_calls=(ToolCall(name="read", arguments={"path": "a.py"}),))
    said = speak(reply, request(), burst=False).message()["content"]
    assert said == '```json\n{"name":"read","arguments":{"path":"a.py"}}\n```'


def test_the_turn_decides_which_reply_answers() -> None:
    script = Script(
        replies=(Reply(text="a"), Reply(text="fix", match=r"\d+ failed"), Reply(text="done"))
    )
    assert script.choose(0, "goal", 9).text == "a"
    assert script.choose(1, "2 failed", 0).text == "fix"
    assert script.choose(1, "all green", 0).text == "done", "an unmet match is passed over"
    assert script.choose(2, "2 failed", 0).text == "done"
    assert script.choose(7, "goal", 0) == script.final


def test_other_orders() -> None:
    replies = (Reply(text="a", match="A"), Reply(text="b"))
    assert Script(replies=replies, order="match").choose(5, "A", 5).text == "a"
    assert Script(replies=replies, order="match").choose(0, "B", 0).text == "b"
    assert Script(replies=replies, order="sequence").choose(0, "A", 1).text == "b"


def test_match_takes_substrings_that_are_no_regular_expression() -> None:
    assert Reply(match="f(").fits("def f(x)")
    assert not Reply(match="f(").fits("def g")


def test_scripts_are_read_from_toml_and_json(tmp_path: Path) -> None:
    toml = tmp_path / "script.toml"
    toml.write_text(
        '[[replies]]\ntext = "plan"\ntokens = 152\n'
        '[[replies]]\ntool_calls = [{name = "read", arguments = {path = "a.py"}}]\n'
        'fault = {kind = "http_500", times = 1}\n'
    )
    script = load_script(toml)
    assert script.replies[0] == Reply(text="plan", tokens=152)
    assert script.replies[1].fault == Fault(kind="http_500", times=1)
    as_json = tmp_path / "script.json"
    as_json.write_bytes(msgspec.json.encode(script))
    assert load_script(as_json) == script


@pytest.mark.parametrize(
    ("text", "named"),
    [("decode_toks = 3", "decode_toks"), ("slots = 0", "slots"), ("x = \n", "line 1")],
)
def test_a_bad_profile_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=named) as caught:
        load_profile(path)
    assert "mine.toml" in caught.value.cause


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fast, instant, slow, tracelab"):
        load_profile("quick")
    with pytest.raises(UsageError, match="no script"):
        load_script(tmp_path / "none.toml")


def test_a_profile_is_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[cache]\nttl_s = 5\n")
    assert load_profile(path) == Profile(name="mine", cache=Cache(ttl_s=5))


def test_example_satisfies_a_schema() -> None:
    schema = {
        "type": "object",
        "$defs": {"Act": {"anyOf": [{"$ref": "#/$defs/Read"}]}, "Read": {"enum": ["read"]}},
        "properties": {
            "actions": {"type": "array", "items": {"$ref": "#/$defs/Act"}, "minItems": 2},
            "count": {"type": "integer", "minimum": 3},
            "note": {"type": "string"},
        },
        "required": ["actions", "count"],
    }
    assert example(schema) == {"actions": ["read", "read"], "count": 3}
    tree: dict[str, object] = {"$ref": "#/$defs/T", "$defs": {"T": {"$ref": "#/$defs/T"}}}
    assert example(tree) is None, "endless recursion ends"


def test_tokens_are_counted_by_bytes() -> None:
    assert [count_tokens(text) for text in ("", "abc", "abcd", "é" * 4, b"12345")] == [
        0,
        1,
        1,
        2,
        2,
    ]


def test_message_text_comes_as_string_or_parts() -> None:
    parts: list[dict[str, object]] = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert Message(role="user", content=parts).text() == "ab"
    assert Message(role="assistant").text() == ""


def test_a_recorded_session_becomes_a_script() -> None:
    def end(call: int, tokens: int, purpose: str = "step", error: str = "") -> CallEnd:
        usage = Usage(output_tokens=tokens)
        return CallEnd(
            t_s=0,
            call=call,
            step=0,
            marks=Marks(),
            usage=usage,
            wait_s=0,
            purpose=purpose,
            error=error,
        )

    events: list[Event] = [
        SessionStart(
            t_s=0,
            session="s",
            goal="g",
            repo=".",
            backend="",
            model="",
            dialect="",
            budget_s=20,
            started_at=0,
        ),
        CallDelta(t_s=0, call=0, channel="text", text="warm"),
        end(0, 1, purpose="warm"),
        CallDelta(t_s=0, call=1, channel="reasoning", text="hm"),
        CallDelta(t_s=0, call=1, channel="tool", text='{"path":'),
        ActionParsed(t_s=0, call=1, action="1", tool="read", args='{"path":"a"}'),
        end(1, 56),
        end(2, 0, error="cut"),
        CallDelta(t_s=0, call=3, channel="text", text="all "),
        CallDelta(t_s=0, call=3, channel="text", text="done"),
        end(3, 9),
    ]
    assert script_from_events(events).replies == (
        Reply(
            reasoning="hm", tool_calls=(ToolCall(name="read", arguments='{"path":"a"}'),), tokens=56
        ),
        Reply(text="all done", tokens=9),
    )
