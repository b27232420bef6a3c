from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotloop.errors import EnvironmentFault
from hotloop.sim.profile import Fault, Profile, Tail
from hotloop.sim.script import Reply
from hotloop.sim.server import SimServer, serving
from sim_client import INSTANT, USER, Answer, Client, chat, says, timings


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
