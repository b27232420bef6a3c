"""Connecting by hand: each phase is timed, also of an encrypted connection."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import msgspec
import pytest

from hotloop.backend.endpoint import parse_base_url
from hotloop.errors import BackendError
from hotloop.probe.api import probe
from hotloop.probe.parts import Connection
from hotloop.probe.present import facts
from hotloop.probe.result import Result
from hotloop.probe.settings import Settings
from hotloop.probe.wire import kept_after_stream, visit_endpoint
from scripted_endpoint import DONE, Call, Handler, finish, make_certificate, serve, text


async def models(call: Call) -> None:
    await call.answer("200 OK", b'{"data":[]}')


def visited(
    handler: Handler, context: ssl.SSLContext | None = None
) -> tuple[Connection, dict[str, str]]:
    missing: dict[str, str] = {}

    async def main() -> Connection:
        async with serve(handler, context) as (url, _):
            return await visit_endpoint(parse_base_url(url), missing, 2.0)

    return asyncio.run(main()), missing


def test_a_plain_connection() -> None:
    found, missing = visited(models)
    assert not found.secure
    assert found.http_version == "1.1"
    assert found.reused
    assert found.address == "127.0.0.1"
    assert found.tls_s is None
    assert "not encrypted" in missing["connection.tls_s"]


@pytest.mark.parametrize("trusted", [True, False])
def test_an_encrypted_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    if not trusted:
        with pytest.raises(BackendError, match="certificate"):
            visited(models, context)
        return
    found, missing = visited(models, context)
    assert found.secure
    assert found.tls_s is not None
    assert found.tls_version.startswith("TLSv1")
    assert found.reused
    assert missing == {}


def test_a_server_that_closes_after_each_answer_is_not_reused() -> None:
    async def once(call: Call) -> None:
        await call.answer("200 OK", b"{}", "Connection: close")
        call.writer.close()

    found, _ = visited(once)
    assert found.http_version == "1.1"
    assert found.reused is False


@pytest.mark.parametrize("keeps", [True, False])
def test_a_connection_may_be_kept_after_a_plain_answer_only(keeps: bool) -> None:
    bodies: list[bytes] = []

    async def chats(call: Call) -> None:
        if call.method == "GET":
            await models(call)
            return
        bodies.append(call.body)
        assert call.headers["authorization"] == "Bearer k"
        await call.stream(text("word "), finish("length"), DONE)
        if not keeps:
            call.writer.close()

    async def main() -> bool | None:
        async with serve(chats) as (url, _):
            return await kept_after_stream(parse_base_url(url), "k", b'{"stream":true}', 2.0)

    assert asyncio.run(main()) is keeps
    assert bodies == [b'{"stream":true}']


def test_a_long_list_in_chunks_is_read_to_its_end() -> None:
    async def long(call: Call) -> None:
        events = [b'{"data":[', *[b'{"id":"a0\\r\\n"},' * 8_000] * 3, b'{"id":"0\r\n\r\n"}]}']
        await call.stream(*events)

    found, missing = visited(long)
    assert found.reused
    assert "connection" not in missing


def test_a_second_answer_that_is_late_says_nothing_of_the_connection() -> None:
    async def chats(call: Call) -> None:
        if call.method == "GET":
            await call.gone()
            return
        await call.stream(text("word "), DONE)

    async def main() -> bool | None:
        async with serve(chats) as (url, _):
            return await kept_after_stream(parse_base_url(url), "", b"{}", 0.3)

    assert asyncio.run(main()) is None


@pytest.mark.parametrize(
    ("closes", "reused", "said"),
    [
        ("none", True, "also after a streamed answer"),
        ("stream", False, "closes the connection after a streamed"),
        ("any", False, "closes the connection after each answer"),
    ],
)
def test_the_report_says_which_answers_end_a_connection(
    closes: str | None, reused: bool, said: str
) -> None:
    async def chats(call: Call) -> None:
        if call.method == "GET":
            await models(call)
        else:
            words = [text("word ")] * msgspec.json.decode(call.body)["max_tokens"]
            await call.stream(*words, finish("length"), DONE)
        if closes == "any" or (closes == "stream" and call.method == "POST"):
            call.writer.close()

    async def main() -> Result:
        async with serve(chats) as (url, _):
            return await probe(url, Settings(time_s=1.5))

    result = asyncio.run(main())
    assert result.connection.reused is reused
    assert result.connection.closes_after == closes
    assert any(said in fact for fact in facts(result, "connection"))


def test_without_an_answer_nothing_is_said_of_kept_connections() -> None:
    async def silent(call: Call) -> None:
        await call.gone()

    async def main() -> bool | None:
        async with serve(silent) as (url, _):
            return await kept_after_stream(parse_base_url(url), "", b"{}", 0.2)

    assert asyncio.run(main()) is None


def test_a_server_that_speaks_no_http_leaves_the_version_open() -> None:
    async def odd(call: Call) -> None:
        await call.raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    found, _ = visited(odd)
    assert found.http_version == ""
    assert not found.reused
