"""The simulated backend over a real socket."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import msgspec
import pytest

from hotloop.errors import EnvironmentFault
from hotloop.sim.article import STEPS
from hotloop.sim.profile import Cache, Fault, Profile, Tail, load_profile
from hotloop.sim.script import Reply, Script, ToolCall
from hotloop.sim.server import SimServer, serving

INSTANT = load_profile("instant")
USER = {"role": "user", "content": "go"}
TOOLS = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]
READ = ToolCall(name="read", arguments={"path": "src/app.py", "start": 1})


@dataclass
class Answer:
    """An answer as it came: server-sent events with their times since the request was sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: list[tuple[float, str]] = field(default_factory=list)
    complete: bool = False

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(data) for _, data in self.events if data != "[DONE]"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def deltas(self, choice: int = 0) -> list[dict[str, Any]]:
        choices = [c for chunk in self.chunks for c in chunk["choices"]]
        return [c["delta"] for c in choices if c["index"] == choice]

    def text(self, choice: int = 0) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas(choice))

    def finish(self, choice: int = 0) -> str:
        choices = [c for chunk in self.chunks for c in chunk["choices"] if c["index"] == choice]
        return choices[-1]["finish_reason"]

    def tool_deltas(self) -> list[dict[str, Any]]:
        return [call for delta in self.deltas() for call in delta.get("tool_calls", ())]


class Client:
    """A minimal client that keeps its connection."""

    def __init__(self, server: SimServer) -> None:
        self.server = server

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        self.http = h11.Connection(h11.CLIENT)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, method: str, path: str, body: bytes, key: str = "") -> None:
        headers = [("host", "sim"), ("content-length", str(len(body)))]
        headers += [("authorization", f"Bearer {key}")] if key else []
        request = self.http.send(h11.Request(method=method, target=path, headers=headers))
        data = self.http.send(h11.Data(data=body)) or b""
        self.writer.write((request or b"") + data + (self.http.send(h11.EndOfMessage()) or b""))
        await self.writer.drain()

    async def receive(self) -> Answer:
        answer, sent = Answer(), time.monotonic()
        rest = b""
        while True:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError:
                return answer
            match event:
                case h11.NEED_DATA:
                    self.http.receive_data(await self.reader.read(65_536))
                case h11.Response():
                    answer.status = event.status_code
                    answer.headers = {k.decode(): v.decode() for k, v in event.headers}
                case h11.Data():
                    answer.body += event.data
                    *whole, rest = (rest + bytes(event.data)).split(b"\n\n")
                    now = time.monotonic() - sent
                    answer.events += [(now, e.decode().removeprefix("data: ")) for e in whole]
                case h11.EndOfMessage():
                    answer.complete = True
                    self.http.start_next_cycle()
                    return answer
                case _:
                    return answer

    async def chat(self, stream: bool = True, **fields: Any) -> Answer:
        body = {"model": "m", "messages": [USER], "stream": stream, **fields}
        await self.send("POST", "/v1/chat/completions", msgspec.json.encode(body))
        return await self.receive()


def chat(
    profile: Profile = INSTANT, script: Script | None = None, stream: bool = True, **fields: Any
) -> Answer:
    async def scenario() -> Answer:
        async with SimServer(profile, script) as server, Client(server) as client:
            return await client.chat(stream, **fields)

    return asyncio.run(scenario())


def says(*replies: Reply) -> Script:
    return Script(replies=replies)


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


def timings(answer: Answer) -> dict[str, float]:
    return answer.chunks[-1]["timings"]


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


def test_the_tail_slows_a_share_of_calls_the_same_each_time() -> None:
    profile = Profile(decode_tok_s=2_000, tail=Tail(share=0.5, sigma=1.0), timings=True, seed=1)

    async def scenario() -> list[float]:
        async with SimServer(profile) as server, Client(server) as client:
            return [timings(await client.chat())["predicted_ms"] for _ in range(6)]

    first = asyncio.run(scenario())
    assert first == pytest.approx(asyncio.run(scenario()), rel=1e-3)
    assert max(first) > 1.2 * min(first)
    assert min(first) == pytest.approx(32, rel=1e-3)


def test_requests_over_the_slots_wait_their_turn() -> None:
    async def scenario(slots: int) -> list[float]:
        profile = Profile(ttft_base_s=0.1, slots=slots)

        async def one(server: SimServer) -> None:
            async with Client(server) as client:
                await client.chat()

        async with SimServer(profile) as server:
            await asyncio.gather(*(one(server) for _ in range(4)))
            start = min(r.arrival_s for r in server.requests)
            return sorted((r.first_token_s or 0) - start for r in server.requests)

    waits = asyncio.run(scenario(slots=2))
    assert waits[1] < waits[2]
    assert waits[2] >= 0.199
    one_by_one = asyncio.run(scenario(slots=1))
    assert one_by_one[3] >= 0.399


@pytest.mark.parametrize("stream", [True, False])
def test_refusals_come_before_any_token(stream: bool) -> None:
    def failing(kind: Any) -> Answer:
        faults = (Fault(kind=kind, at=(0,), retry_after_s=3),)
        return chat(msgspec.structs.replace(INSTANT, faults=faults), stream=stream)

    assert failing("http_500").status == 500
    assert (failing("http_429").status, failing("http_429").headers["retry-after"]) == (429, "3")
    assert failing("html").headers["content-type"] == "text/html"


def test_a_stream_is_cut_or_broken_in_the_middle() -> None:
    def failing(kind: Any) -> Answer:
        fault = Fault(kind=kind, after_tokens=3)
        return chat(script=says(Reply(text="abcdefghij", tokens=10, fault=fault)))

    cut = failing("cut")
    assert (cut.text(), cut.complete) == ("abc", False)
    assert all(data != "[DONE]" for _, data in cut.events)
    broken = failing("broken_json")
    assert broken.complete
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.events[-2][1])


def test_a_whole_answer_is_cut_or_broken() -> None:
    def failing(kind: Any) -> Answer:
        return chat(script=says(Reply(text="abc", fault=kind)), stream=False)

    assert not failing("cut").complete
    broken = failing("broken_json")
    assert broken.complete
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.body)


def test_a_reply_can_fail_first_and_then_succeed() -> None:
    async def scenario() -> list[int]:
        fault = Fault(kind="http_500", times=2)
        script = says(Reply(text="ok", fault=fault))
        async with SimServer(INSTANT, script) as server, Client(server) as client:
            return [(await client.chat()).status for _ in range(4)]

    assert asyncio.run(scenario()) == [500, 500, 200, 200]


@pytest.mark.parametrize("after", [0, 2])
def test_a_hang_lasts_until_the_client_leaves_and_then_frees_its_slot(after: int) -> None:
    async def scenario() -> tuple[float | None, str]:
        faults = (Fault(kind="hang", at=(0,), after_tokens=after),)
        profile = msgspec.structs.replace(INSTANT, faults=faults, slots=1)
        async with SimServer(profile, says(Reply(text="ok"))) as server:
            async with Client(server) as client:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.chat(), 0.1)
            async with Client(server) as client:
                text = (await client.chat()).text()
            return server.requests[0].disconnect_s, text

    left_s, text = asyncio.run(scenario())
    assert left_s is not None
    assert text == "ok"


def test_a_client_that_leaves_while_tokens_come_is_noticed() -> None:
    async def scenario() -> tuple[Any, int]:
        profile = Profile(decode_tok_s=1, slots=1)
        script = says(Reply(text="x" * 400, match="long"), Reply(text="y", tokens=0))
        async with SimServer(profile, script) as server:
            async with Client(server) as client:
                body = {"messages": [{"role": "user", "content": "long"}], "stream": True}
                await client.send("POST", "/v1/chat/completions", msgspec.json.encode(body))
                await client.reader.readuntil(b"xxxx")
            async with Client(server) as client:
                assert (await client.chat()).complete
            return server.requests[0], server.requests[1].output_tokens

    record, _ = asyncio.run(scenario())
    assert record.disconnect_s > record.first_token_s
    assert record.end_s is None
    assert 1 <= record.output_tokens < 100


def test_parallel_sessions_do_not_disturb_each_other() -> None:
    async def scenario() -> list[str]:
        script = says(*(Reply(text=f"turn {turn}") for turn in range(3)))

        async def session(server: SimServer) -> list[str]:
            texts: list[str] = []
            messages: list[dict[str, str]] = [USER]
            async with Client(server) as client:
                for _ in range(3):
                    texts.append((await client.chat(messages=messages)).text())
                    messages = [*messages, {"role": "assistant", "content": texts[-1]}, USER]
            return texts

        async with SimServer(INSTANT, script) as server:
            heard = await asyncio.gather(*(session(server) for _ in range(5)))
        return [text for texts in heard for text in texts]

    assert asyncio.run(scenario()) == ["turn 0", "turn 1", "turn 2"] * 5


def test_garbage_on_the_wire_is_refused() -> None:
    async def scenario() -> bytes:
        async with SimServer(INSTANT) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"NOT HTTP AT ALL\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 400")


def test_serving_from_a_thread() -> None:
    with serving(INSTANT) as server:
        body = msgspec.json.encode({"messages": [USER]})
        with urllib.request.urlopen(f"{server.base_url}/chat/completions", body, 10) as answer:
            text = json.load(answer)["choices"][0]["message"]["content"]
        assert "You said: go." in text
        taken = server.port
        with pytest.raises(EnvironmentFault, match="cannot serve"), serving(INSTANT, port=taken):
            pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{server.base_url}/models", timeout=10)


def test_the_command_serves_until_stopped(tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text('[[replies]]\ntext = "from the file"\n')
    code = "from hotloop.ui.sim_cmd import sim; sim()"
    command = [sys.executable, "-c", code, "--profile", "instant", "--script", str(script), "--log"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        body = msgspec.json.encode({"messages": [USER]})
        with urllib.request.urlopen(f"{url}/chat/completions", body, 10) as answer:
            assert b"from the file" in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
        assert "POST /v1/chat/completions 200 in=" in process.stderr.read()
