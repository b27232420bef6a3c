from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time
from typing import Any

import msgspec
import pytest

from hotloop.backend.retry import Retry
from hotloop.backend.types import TextDelta
from hotloop.config import Timeouts
from hotloop.errors import BackendError
from scripted_endpoint import (
    BODY,
    DONE,
    HEAD,
    KEY,
    Call,
    chunked,
    client,
    collect,
    failure,
    finish,
    serve,
    text,
    words,
)


def test_nothing_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        notes: list[Retry] = []
        with pytest.raises(BackendError) as caught:
            asyncio.run(client(url, on_retry=notes.append).chat(BODY))
    assert f"nothing listens at {url}" in str(caught.value)
    assert "OPENAI_BASE_URL" in caught.value.next_step
    assert caught.value.status == 0
    assert [note.attempt for note in notes] == [1, 2]


def test_localhost_reaches_a_server_on_ipv6_only() -> None:
    async def main() -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + text("six") + DONE)
            writer.close()

        try:
            server = await asyncio.start_server(talk, "::1", 0)
        except OSError:
            pytest.skip("no IPv6 loopback here")
        async with server:
            port = server.sockets[0].getsockname()[1]
            return words(await collect(await client(f"http://localhost:{port}").chat(BODY)))

    assert asyncio.run(main()) == "six"


def test_an_unknown_host() -> None:
    name = "a" * 70  # too long for a name: fails without asking the network
    with pytest.raises(BackendError, match=f"host {name} is not known"):
        asyncio.run(client(f"http://{name}:1/v1").chat(BODY))


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_names_the_variable_and_never_the_key(status: int) -> None:
    async def handler(call: Call) -> None:
        body = msgspec.json.encode({"error": {"message": "x" * 390 + f"Incorrect key {KEY}"}})
        await call.answer(f"{status} No", body)

    error = failure(handler)
    assert error.status == status
    assert "OPENAI_API_KEY" in error.next_step
    assert "MY_KEY" in failure(handler, api_key_env="MY_KEY").next_step


def test_404_lists_the_models() -> None:
    async def handler(call: Call) -> None:
        if call.path == "/v1/models":
            await call.answer("200 OK", b'{"data":[{"id":"big"},{"id":"small"}]}')
        else:
            await call.answer("404 Not Found", b'{"error":{"message":"no such model"}}')

    error = failure(handler)
    assert error.status == 404
    assert "no model 'm'" in str(error)
    assert "big, small" in error.next_step


def test_404_of_a_wrong_path() -> None:
    async def handler(call: Call) -> None:
        await call.answer("404 Not Found", b"<html>nginx</html>", kind="text/html")

    error = failure(handler)
    assert error.status == 404
    assert "/v1/chat/completions is not there" in str(error)


@pytest.mark.parametrize(
    "body",
    [b'{"error":{"message":"bad n"}}', b'{"detail":"bad n"}', b'{"message":"bad n"}', b"bad n"],
)
def test_400_includes_the_servers_words(body: bytes) -> None:
    async def handler(call: Call) -> None:
        await call.answer("400 Bad Request", body)

    error = failure(handler)
    assert error.status == 400
    assert "HTTP 400: bad n" in str(error)


def test_a_redirect_names_its_target() -> None:
    async def handler(call: Call) -> None:
        await call.answer("308 Moved", b"", "Location: https://example.invalid/v1/chat/completions")

    assert "https://example.invalid/v1" in failure(handler).next_step


def test_a_web_page_instead_of_json() -> None:
    async def handler(call: Call) -> None:
        await call.answer("200 OK", b"\n<!doctype html><html></html>", kind="text/html")

    error = failure(handler)
    assert "web page" in str(error)
    assert "/v1" in error.next_step


@pytest.mark.parametrize("data", [b'data: {"choices": [{"del\n\n', b'data: {"choices": 7}\n\n'])
def test_a_broken_chunk_after_good_ones(data: bytes) -> None:
    async def main() -> None:
        async def handler(call: Call) -> None:
            await call.stream(text("good") + data + text("never"))

        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY)
            assert await anext(stream) == TextDelta("good")
            with pytest.raises(BackendError, match="not a chat completion"):
                await anext(stream)
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    asyncio.run(main())


def test_a_server_that_does_not_speak_http() -> None:
    async def handler(call: Call) -> None:
        await call.raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    assert "does not speak HTTP" in str(failure(handler))


def test_tls_to_a_server_that_speaks_plain_http() -> None:
    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await client(f"https://127.0.0.1:{port}").chat(BODY)

    with pytest.raises(BackendError, match=r"TLS[\s\S]*http://"):
        asyncio.run(main())


def test_a_json_answer_that_is_no_completion() -> None:
    async def handler(call: Call) -> None:
        await call.answer("200 OK", b'{"models":[]}')

    assert "no choices" in str(failure(handler))


# --- timeouts


@pytest.mark.parametrize(
    ("phase", "setting"),
    [
        ("first byte", "first_byte_s"),
        ("between chunks", "chunk_s"),
        ("total", "total_s"),
        ("send", "send_s"),
    ],
)
def test_each_phase_has_its_own_timeout(phase: str, setting: str) -> None:
    async def main() -> None:
        async def handler(call: Call) -> None:
            if phase == "between chunks":
                await call.stream(text("x"), end=False)
            if phase == "total":
                await call.raw(HEAD)
                with contextlib.suppress(ConnectionError):
                    while True:
                        await call.raw(chunked(text("x")))
                        await asyncio.sleep(0.01)
            await call.gone()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()
            await asyncio.sleep(30)

        timeouts = Timeouts(**{setting: 0.15})
        if phase == "send":
            server = await asyncio.start_server(deaf, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with server:
                await client(f"http://127.0.0.1:{port}", timeouts=timeouts).chat(b" " * 50_000_000)
        async with serve(handler) as (url, _):
            await collect(await client(url, timeouts=timeouts).chat(BODY))

    began = time.monotonic()
    with pytest.raises(BackendError, match=rf"{phase} took more than 0\.15 s") as caught:
        asyncio.run(main())
    assert setting in caught.value.next_step
    assert time.monotonic() - began < 10


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    ask, released = socket.getaddrinfo, threading.Event()

    def hang(host: str, *args: object, **options: Any) -> object:
        if options.get("flags"):
            return ask(host, *args, **options)
        released.wait(60)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    with pytest.raises(BackendError, match=r"DNS lookup took more than 0\.05 s"):
        asyncio.run(client("http://host.invalid", timeouts=Timeouts(dns_s=0.05)).chat(BODY))
    assert time.monotonic() - began < 10
    released.set()


def test_a_tls_handshake_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BackendError, match=r"TLS handshake took more than 0\.1 s"):
            asyncio.run(client(url, timeouts=Timeouts(tls_s=0.1)).chat(BODY))


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's way with a full backlog")
def test_a_connect_that_hangs() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        with contextlib.ExitStack() as fillers:
            for _ in range(4):  # a full backlog: Linux then leaves further SYNs unanswered
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(address)
            backend = client(f"http://127.0.0.1:{address[1]}", timeouts=Timeouts(connect_s=0.1))
            with pytest.raises(BackendError, match=r"connect took more than 0\.1 s"):
                asyncio.run(backend.chat(BODY))


def test_a_comment_does_not_end_the_wait_for_the_first_token() -> None:
    async def main() -> str:
        async def handler(call: Call) -> None:
            await call.stream(b": queued\n\n", end=False)
            await asyncio.sleep(0.3)
            await call.raw(chunked(text("late") + finish()) + b"0\r\n\r\n")

        async with serve(handler) as (url, _):
            patient = client(url, timeouts=Timeouts(chunk_s=0.1))
            return words(await collect(await patient.chat(BODY)))

    assert asyncio.run(main()) == "late"
