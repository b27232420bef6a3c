"""The simulated backend over a real socket."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec
import pytest

from hotloop.sim.article import STEPS
from hotloop.sim.profile import Cache, Profile, load_profile
from hotloop.sim.script import Reply, ToolCall
from hotloop.sim.server import SimServer
from sim_client import INSTANT, USER, Answer, Client, chat, says, timings

TOOLS = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]


READ = ToolCall(name="read", arguments={"path": "src/app.py", "start": 1})


def test_a_stream_has_role_tokens_finish_usage_and_done() -> None:
    answer = chat(
        script=says(Reply(text="hello world", tokens=5)), stream_options={"include_usage": True}
    )
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.deltas()[0] == {"role": "assistant", "content": None}
    assert [d["content"] for d in answer.deltas()[1:-1]] == ["hel", "lo", " w", "or", "ld"]
    assert answer.finish() == "stop"
    usage = answer.chunks[-1]["usage"]
    assert answer.chunks[-1]["choices"] == []
    assert (usage["completion_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (5, 0)
    assert answer.events[-1][1] == "[DONE]"
    assert answer.complete


def test_usage_comes_when_the_profile_says() -> None:
    def sends_usage(usage: Any, **fields: Any) -> bool:
        profile = msgspec.structs.replace(INSTANT, usage=usage, timings=False)
        return any("usage" in chunk for chunk in chat(profile, **fields).chunks)

    asked = {"stream_options": {"include_usage": True}}
    assert [sends_usage("asked"), sends_usage("asked", **asked)] == [False, True]
    assert [sends_usage("always"), sends_usage("never", **asked)] == [True, False]


def test_a_whole_answer_says_the_same() -> None:
    reply = Reply(text="look", reasoning="hm", tool_calls=(READ,), tokens=20)
    answer = chat(script=says(reply), stream=False, tools=TOOLS).json
    message = answer["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("look", "hm")
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == READ.arguments
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["usage"]["completion_tokens"] == 20
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize(("burst", "least", "most"), [(False, 5, 99), (True, 1, 1)])
def test_tool_arguments_come_smooth_or_in_one_burst(burst: bool, least: int, most: int) -> None:
    profile = msgspec.structs.replace(INSTANT, burst=burst)
    answer = chat(profile, says(Reply(tool_calls=(READ, READ), tokens=40)), tools=TOOLS)
    calls = answer.tool_deltas()
    for index in (0, 1):
        parts = [call for call in calls if call["index"] == index]
        assert json.loads("".join(p["function"]["arguments"] for p in parts)) == READ.arguments
        assert parts[0]["id"] == f"call_0_{index}"
        assert parts[0]["function"]["name"] == "read"
        assert least <= len(parts) <= most
    assert answer.finish() == "tool_calls"


def test_max_tokens_and_n() -> None:
    script = says(Reply(text="a" * 40, alternatives=(Reply(text="b" * 8),)))
    answer = chat(script=script, n=3, max_tokens=4, stream_options={"include_usage": True})
    assert [answer.text(choice) for choice in range(3)] == ["a" * 16, "b" * 8, "a" * 16]
    assert [answer.finish(choice) for choice in range(3)] == ["length", "stop", "length"]
    assert answer.chunks[-1]["usage"]["completion_tokens"] == 4 + 2 + 4


def test_without_a_script_the_answer_has_the_shape_asked_for() -> None:
    assert "You said: go." in chat().text()
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(chat(response_format=wanted).text()) == {"a": 0}
    called = chat(tools=TOOLS, tool_choice="required").tool_deltas()
    assert called[0]["function"]["name"] == "read"


def test_models_health_key_and_unknown_paths() -> None:
    async def scenario() -> list[Answer]:
        profile = msgspec.structs.replace(INSTANT, api_key="k")
        asked = [
            ("GET", "/health", ""),
            ("GET", "/v1/models", "k"),
            ("GET", "/v1/models", "wrong"),
            ("POST", "/v1/nothing", "k"),
            ("POST", "/v1/chat/completions", "k"),
        ]
        answers: list[Answer] = []
        async with SimServer(profile) as server, Client(server) as client:
            for method, path, key in asked:
                await client.send(method, path, b"{}", key)
                answers.append(await client.receive())
        return answers

    answers = asyncio.run(scenario())
    assert [a.status for a in answers] == [200, 200, 401, 404, 400]
    assert answers[1].json["data"][0]["id"] == "sim-instant"
    assert "messages" in answers[4].json["error"]["message"]


def test_a_prompt_over_the_context_is_refused() -> None:
    answer = chat(msgspec.structs.replace(INSTANT, context_tokens=3))
    assert (answer.status, answer.json["error"]["type"]) == (400, "context_length_exceeded")


def test_requests_are_kept_byte_for_byte_and_retries_use_up_no_reply() -> None:
    async def scenario() -> tuple[list[str], list[bytes], list[bool]]:
        script = says(Reply(text="one"), Reply(text="two"))
        async with SimServer(INSTANT, script) as server, Client(server) as client:
            texts = [(await client.chat(max_tokens=1)).text()]
            texts += [(await client.chat()).text(), (await client.chat()).text()]
            said = [USER, {"role": "assistant", "content": "one"}, USER]
            texts.append((await client.chat(messages=said)).text())
            records = server.requests
        return texts, [r.body for r in records], [r.fresh_connection for r in records]

    texts, bodies, fresh = asyncio.run(scenario())
    assert texts == ["one", "one", "one", "two"]
    assert (
        bodies[1]
        == bodies[2]
        == b'{"model":"m","messages":[{"role":"user","content":"go"}],"stream":true}'
    )
    assert fresh == [True, False, False, False]


def test_cached_tokens_grow_with_the_conversation() -> None:
    async def scenario() -> list[tuple[int, int]]:
        block = msgspec.structs.replace(INSTANT, cache=Cache(block_tokens=4))
        script = says(Reply(text="x" * 400), Reply(text="y"))
        goal = {"role": "user", "content": "g" * 800}
        async with SimServer(block, script) as server, Client(server) as client:
            await client.chat(messages=[goal])
            said = {"role": "assistant", "content": "x" * 400}
            await client.chat(messages=[goal, said, USER])
            await client.chat(messages=[{"role": "system", "content": "!"}, goal, said, USER])
            return [(r.input_tokens, r.cached_tokens) for r in server.requests]

    first, second, broken = asyncio.run(scenario())
    assert first[1] == broken[1] == 0
    assert second[1] >= first[0] + 100 - 4, "the answer is in the cache too"
    assert second[1] % 4 == 0
    assert second[1] < second[0]


def test_prefill_ahead_pays_even_when_it_is_cut_short() -> None:
    async def scenario() -> int:
        profile = Profile(prefill_tok_s=20_000, ttft_base_s=0.0)
        messages = [{"role": "user", "content": "w" * 40_000}]
        async with SimServer(profile) as server:
            async with Client(server) as client:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.chat(messages=messages), 0.2)
            async with Client(server) as client:
                await client.chat(messages=messages)
            return server.requests[1].cached_tokens

    assert 0 < asyncio.run(scenario()) < 10_000


def test_the_clock_runs_true_over_the_articles_calls() -> None:
    scale = 0.1
    calls = [(s.output_tokens, s.kind == "tool_calls") for s in STEPS for _ in range(s.calls)]

    async def scenario() -> float:
        profile = msgspec.structs.replace(load_profile("fast"), time_scale=scale)
        replies = [
            Reply(tool_calls=(READ,), tokens=tokens)
            if tool
            else Reply(text="x" * 600, tokens=tokens)
            for tokens, tool in calls
        ]
        messages: list[dict[str, str]] = [USER]
        async with SimServer(profile, says(*replies)) as server, Client(server) as client:
            start = time.monotonic()
            for _ in calls:
                answer = await client.chat(messages=messages, tools=TOOLS)
                assert answer.complete
                messages = [*messages, {"role": "assistant", "content": "said"}, USER]
            return time.monotonic() - start

    assert len(calls) == 9
    assert 16.7 * scale * 0.995 <= asyncio.run(scenario()) <= 16.7 * scale * 1.25


def test_tokens_come_at_their_times() -> None:
    profile = Profile(ttft_base_s=0.1, decode_tok_s=100)
    events = chat(profile, says(Reply(text="x" * 60, tokens=30))).events
    first, last, end = events[1][0], events[-3][0], events[-1][0]
    assert first >= 0.095
    assert last >= 0.38
    assert end >= 0.395
    assert first < 0.6 * end, "tokens are spread, not sent at the end"


def test_choices_share_the_decoder() -> None:
    profile = Profile(decode_tok_s=200, share_cost=0.5, timings=True)
    script = says(Reply(text="x" * 60, tokens=20))
    alone, three = chat(profile, script), chat(profile, script, n=3)
    assert timings(three)["predicted_ms"] == pytest.approx(2 * timings(alone)["predicted_ms"])


def test_structured_answers_take_their_factor() -> None:
    profile = Profile(decode_tok_s=400, structured_factor=3, timings=True)
    script = says(Reply(text='{"a":1}', tokens=10))
    free = chat(profile, script)
    schema = chat(profile, script, response_format={"type": "json_object"})
    assert timings(schema)["predicted_ms"] == pytest.approx(3 * timings(free)["predicted_ms"])
