"""A server on loopback that a test scripts byte by byte, and ways to ask it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotloop.backend.client import Client
from hotloop.backend.retry import RetryPolicy
from hotloop.backend.types import Delta, Stream, TextDelta
from hotloop.errors import BackendError

KEY = "sk-very-secret-0123456789"
QUICK = RetryPolicy(base_s=0.001)
BODY = b'{"model":"m","stream":true,"messages":[]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Call:
    """One request as the server sees it."""

    def __init__(
        self,
        head: bytes,
        body: bytes,
        connection: int,
        closed: asyncio.Event,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        first, *rest = head.decode().split("\r\n")
        self.method, self.path, _ = first.split()
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in rest if line)}
        self.body, self.connection, self.closed = body, connection, closed
        self.reader, self.writer = reader, writer

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: str, body: bytes, *headers: str, kind: str = "application/json"):
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        await self.raw("\r\n".join([*lines, *headers, "", ""]).encode() + body)

    async def stream(self, *events: bytes, end: bool = True) -> None:
        await self.raw(HEAD)
        for event in events:
            await self.raw(chunked(event))
        if end:
            await self.raw(b"0\r\n\r\n")

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Return when the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            assert await self.reader.read() == b""


Handler = Callable[[Call], Awaitable[None]]


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(**fields: object) -> bytes:
    return b"data: " + msgspec.json.encode(fields) + b"\n\n"


def text(content: str, index: int = 0) -> bytes:
    return event(choices=[{"index": index, "delta": {"content": content}}])


def finish(reason: str = "stop", index: int = 0) -> bytes:
    return event(choices=[{"index": index, "delta": {}, "finish_reason": reason}])


DONE = b"data: [DONE]\n\n"


@contextlib.asynccontextmanager
async def serve(
    handler: Handler, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[Call]]]:
    calls: list[Call] = []
    failures: list[BaseException] = []
    connections = 0
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        closed = asyncio.Event()
        if task := asyncio.current_task():
            tasks.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
                call = Call(head, b"", number, closed, reader, writer)
                call.body = await reader.readexactly(int(call.headers.get("content-length", 0)))
                calls.append(call)
                await handler(call)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        except BaseException as exc:
            failures.append(exc)
        finally:
            closed.set()
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}", calls
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not failures


def client(url: str, **options: object) -> Client:
    settings: dict[str, Any] = {"retry": QUICK, **options}
    return Client(url, "m", KEY, **settings)


async def collect(stream: Stream) -> list[Delta]:
    return [delta async for delta in stream]


def ask(handler: Handler, **options: object) -> tuple[list[Delta], Stream]:
    """Send one chat request to a server that runs `handler` for each request."""

    async def main() -> tuple[list[Delta], Stream]:
        async with serve(handler) as (url, _):
            backend = client(url, **options)
            stream = await backend.chat(BODY)
            deltas = await collect(stream)
            await backend.aclose()
            return deltas, stream

    return asyncio.run(main())


def failure(handler: Handler, **options: object) -> BackendError:
    with pytest.raises(BackendError) as caught:
        ask(handler, **options)
    assert KEY not in str(caught.value)
    assert KEY[:12] not in str(caught.value)
    assert caught.value.next_step
    return caught.value


def words(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for loopback and its key; skip the test where openssl is missing."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"),
        *("subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate with")
    return cert, key
