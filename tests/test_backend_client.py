from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import msgspec
import pytest

from hotloop.backend.client import Client
from hotloop.backend.retry import Retry
from hotloop.backend.types import Backend, Finish, Report, Stream, TextDelta, ToolDelta
from hotloop.errors import BackendError, UsageError
from scripted_endpoint import (
    BODY,
    DONE,
    HEAD,
    KEY,
    Call,
    ask,
    chunked,
    client,
    collect,
    event,
    finish,
    make_certificate,
    serve,
    text,
    words,
)


def test_streams_text_with_marks_in_order() -> None:
    async def handler(call: Call) -> None:
        assert (call.method, call.path) == ("POST", "/v1/chat/completions")
        assert call.headers["authorization"] == f"Bearer {KEY}"
        assert call.body == BODY
        usage = {"prompt_tokens": 9, "completion_tokens": 2}
        await call.stream(
            event(choices=[{"delta": {"role": "assistant", "content": None}}]),
            text("hel"),
            b": a comment\r\n\r\n",
            text("lo"),
            finish(),
            event(choices=[], usage=usage),
            DONE,
        )

    deltas, stream = ask(handler)
    assert words(deltas) == "hello"
    assert deltas[2] == Finish("stop")
    assert isinstance(deltas[3], Report)
    assert deltas[3].usage.input_tokens == 9
    m = stream.marks
    order = [
        m.start_s,
        m.connected_s,
        m.sent_s,
        m.headers_s,
        m.first_byte_s,
        m.first_token_s,
        m.last_token_s,
        m.end_s,
    ]
    assert order == sorted(order)
    assert 0 <= order[0] <= order[-1] < 60


def test_bytes_that_arrive_one_at_a_time() -> None:
    async def handler(call: Call) -> None:
        await call.raw(HEAD)
        for byte in text("naïve ✓") + b"\r\n".join([b"", finish()[:-2], b"", b""]) + DONE:
            await call.raw(chunked(bytes([byte])))
        await call.raw(b"0\r\n\r\n")

    deltas, _ = ask(handler)
    assert deltas == [TextDelta("naïve ✓"), Finish("stop")]


def test_an_answer_without_chunked_framing_or_done() -> None:
    async def handler(call: Call) -> None:
        await call.raw(b"HTTP/1.0 200 OK\r\n\r\n" + text("hi") + finish()[:-2])
        call.writer.close()

    deltas, _ = ask(handler)
    assert deltas == [TextDelta("hi"), Finish("stop")]


def test_an_answer_that_is_not_streamed() -> None:
    async def handler(call: Call) -> None:
        message = {
            "role": "assistant",
            "reasoning_content": "hm",
            "content": "hi",
            "tool_calls": [{"id": "c1", "function": {"name": "read", "arguments": "{}"}}],
        }
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        body = {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
        await call.answer("200 OK", b"\n " + msgspec.json.encode(body))

    deltas, stream = ask(handler)
    assert deltas[:4] == [
        TextDelta("hm", "reasoning"),
        TextDelta("hi"),
        ToolDelta(0, "{}", "read", "c1"),
        Finish("tool_calls"),
    ]
    assert stream.marks.first_token_s is not None


def test_an_answer_without_a_token() -> None:
    async def handler(call: Call) -> None:
        await call.stream(finish("length"), DONE)

    deltas, stream = ask(handler)
    assert deltas == [Finish("length")]
    assert stream.marks.first_token_s is None
    assert stream.marks.end_s is not None


def test_client_and_stream_are_what_the_loop_expects() -> None:
    async def main() -> None:
        async def handler(call: Call) -> None:
            await call.stream(text("x"), finish(), DONE)

        async with serve(handler) as (url, _):
            backend: Backend = client(url)
            stream: Stream = await backend.chat(BODY)
            assert words(await collect(stream)) == "x"
            await stream.aclose()
            await stream.aclose()
            assert await collect(stream) == []

    asyncio.run(main())


# --- connections


def test_a_connection_is_used_again() -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("x"), finish(), DONE)

    async def main() -> None:
        async with serve(handler) as (url, calls):
            backend = client(url)
            for _ in range(3):
                await collect(await backend.chat(BODY))
            assert [call.connection for call in calls] == [1, 1, 1]
            await backend.aclose()
            await asyncio.wait_for(calls[-1].closed.wait(), 5)

    asyncio.run(main())


def test_a_connection_whose_answer_never_ends_is_not_used_again() -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("x"), finish(), DONE, end=False)

    async def main() -> None:
        async with serve(handler) as (url, calls):
            backend = client(url)
            for _ in range(2):
                assert words(await collect(await backend.chat(BODY))) == "x"
            assert [call.connection for call in calls] == [1, 2]

    asyncio.run(main())


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stale_connection_is_replaced_without_a_retry(how: str) -> None:
    """The server takes the second request on an old connection and drops it unanswered."""
    notes: list[Retry] = []

    async def handler(call: Call) -> None:
        if len(calls_seen) == 1:
            calls_seen.append(call)
            if how == "close":
                call.writer.close()
            else:
                call.reset()
            return
        calls_seen.append(call)
        await call.stream(text("x"), finish(), DONE)

    calls_seen: list[Call] = []

    async def main() -> None:
        async with serve(handler) as (url, _):
            backend = client(url, on_retry=notes.append)
            for _ in range(2):
                assert words(await collect(await backend.chat(BODY))) == "x"
            assert [call.connection for call in calls_seen] == [1, 1, 2]

    asyncio.run(main())
    assert notes == []


def test_several_streams_at_once() -> None:
    async def main() -> None:
        together = asyncio.Event()

        async def handler(call: Call) -> None:
            if call.connection == 4:
                together.set()
            await together.wait()
            number = call.body.decode()
            await call.stream(text(number[:1]), text(number[1:]), finish(), DONE)

        async with serve(handler) as (url, calls):
            backend = client(url)

            async def one(number: int) -> str:
                return words(await collect(await backend.chat(b'{"i":%d}' % number)))

            answers = await asyncio.gather(*(one(number) for number in range(4)))
            assert answers == [f'{{"i":{number}}}' for number in range(4)]
            assert len({call.connection for call in calls}) == 4

    asyncio.run(main())


def test_closing_a_stream_disconnects_the_server_at_once() -> None:
    async def main() -> None:
        seen = asyncio.Event()

        async def handler(call: Call) -> None:
            await call.stream(text("x"), end=False)
            await call.gone()
            seen.set()

        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY)
            assert await anext(stream) == TextDelta("x")
            await stream.aclose()
            await asyncio.wait_for(seen.wait(), 5)
            assert await collect(stream) == []

    asyncio.run(main())


@pytest.mark.parametrize("when", ["before the head", "in the middle"])
def test_cancelling_disconnects_the_server_at_once(when: str) -> None:
    async def main() -> None:
        waiting, seen = asyncio.Event(), asyncio.Event()

        async def handler(call: Call) -> None:
            if when == "in the middle":
                await call.stream(text("x"), end=False)
            waiting.set()
            await call.gone()
            seen.set()

        async with serve(handler) as (url, _):
            backend = client(url)

            async def work() -> None:
                await collect(await backend.chat(BODY))

            task = asyncio.create_task(work())
            await waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(seen.wait(), 5)

    asyncio.run(main())


def test_closing_a_stream_ends_an_iteration_that_waits() -> None:
    async def main() -> None:
        async def handler(call: Call) -> None:
            await call.stream(text("x"), end=False)
            await call.gone()

        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY)
            task = asyncio.create_task(collect(stream))
            await asyncio.sleep(0)
            await stream.aclose()
            assert await asyncio.wait_for(task, 5) in ([], [TextDelta("x")])

    asyncio.run(main())


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return make_certificate(tmp_path)


@pytest.mark.parametrize("trusted", [True, False])
def test_tls(
    certificate: tuple[Path, Path], trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("x"), finish(), DONE)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    async def main() -> str:
        async with serve(handler, context) as (url, _):
            return words(await collect(await client(url).chat(BODY)))

    if trusted:
        assert asyncio.run(main()) == "x"
        return
    with pytest.raises(BackendError, match=r"not trusted[\s\S]*SSL_CERT_FILE"):
        asyncio.run(main())


def test_post_get_and_list_models() -> None:
    async def handler(call: Call) -> None:
        match call.method, call.path:
            case "POST", "/slots/0?action=save":
                await call.answer("200 OK", b'{"n":' + call.body + b"}")
            case "GET", "/health":
                await call.answer("200 OK", b"ok")
            case "GET", "/v1/models":
                await call.answer("200 OK", b'{"object":"list","data":[{"id":"a"},{"id":"b"}]}')
            case _:
                await call.answer(
                    "501 Not Implemented", b'{"error":{"message":"start with --slots"}}'
                )

    async def main() -> None:
        async with serve(handler) as (url, calls):
            backend = client(url + "/v1/")
            assert await backend.post("/slots/0?action=save", b"7") == b'{"n":7}'
            assert await backend.get("/health") == b"ok"
            assert await backend.list_models() == ["a", "b"]
            with pytest.raises(BackendError, match="start with --slots") as caught:
                await backend.post("/slots/1", b"{}")
            assert caught.value.status == 501
            assert {call.connection for call in calls} == {1}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "base", "chat", "beside"),
    [
        ("", "/v1", "/v1/chat/completions", "/props"),
        ("/", "/v1", "/v1/chat/completions", "/props"),
        ("/v1/", "/v1", "/v1/chat/completions", "/props"),
        ("/v1/chat/completions", "/v1", "/v1/chat/completions", "/props"),
        ("/api", "/api/v1", "/api/v1/chat/completions", "/api/props"),
        (
            "/v1beta/openai",
            "/v1beta/openai",
            "/v1beta/openai/chat/completions",
            "/v1beta/openai/props",
        ),
        ("/x/chat/completions", "/x", "/x/chat/completions", "/x/props"),
    ],
)
def test_ways_to_write_a_base_url(given: str, base: str, chat: str, beside: str) -> None:
    async def handler(call: Call) -> None:
        if call.method == "GET":
            await call.answer("200 OK", b"{}")
        else:
            await call.stream(text("x"), finish(), DONE)

    async def main() -> None:
        async with serve(handler) as (url, calls):
            backend = client(f" {url}{given}")
            assert backend.base_url == url + base
            await collect(await backend.chat(BODY))
            await backend.get("/props")
            assert [call.path for call in calls] == [chat, beside]

    asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8080",
        "ftp://host/v1",
        "http://",
        "http://host:port/v1",
        f"http://user:{KEY}@host/v1",
        f"http://host/v1?key={KEY}",
    ],
)
def test_base_urls_that_make_no_sense(url: str) -> None:
    with pytest.raises(UsageError, match=r"http://host:8080/v1|OPENAI_API_KEY") as caught:
        Client(url, "m", "")
    assert KEY not in str(caught.value)


def test_the_key_is_never_shown() -> None:
    backend = Client("http://host", "m", KEY)
    assert KEY not in repr(backend)
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        Client("http://host", "m", KEY + "\r\nX-Evil: 1")
    assert KEY not in str(caught.value)
