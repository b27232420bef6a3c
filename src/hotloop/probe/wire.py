"""Connecting to an endpoint by hand: each phase on its own, and what HTTP it speaks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING

import msgspec

from hotloop.backend.deadline import PhaseTimeout, due, within
from hotloop.backend.dial import LookupFailed, first_to_connect, resolve
from hotloop.backend.endpoint import Endpoint
from hotloop.backend.faults import Faults
from hotloop.probe.figure import figure
from hotloop.probe.parts import Connection

if TYPE_CHECKING:
    import ssl

ROUNDS = 3
PHASE_LIMIT_S = 10.0
UNREADABLE = (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Visit(msgspec.Struct, kw_only=True):
    """One connection that was made and closed again."""

    address: str = ""
    dns_s: float = 0.0
    tcp_s: float = 0.0
    tls_s: float | None = None
    tls_version: str = ""
    http_version: str = ""
    kept: bool | None = None


async def visit_endpoint(
    endpoint: Endpoint, missing: dict[str, str], answer_s: float
) -> Connection:
    """Connect a few times and time each phase. Reasons for what is not there go into `missing`.

    The server is asked something once; that may take `answer_s`. Raises BackendError where no
    connection comes about.
    """
    visits: list[Visit] = []
    for number in range(ROUNDS):
        try:
            visits.append(await visit(endpoint, answer_s if number == ROUNDS - 1 else 0.0))
        except (OSError, LookupFailed, PhaseTimeout) as error:
            if not visits:
                raise Faults(endpoint, "", "").network(error) from error
            break  # what it says to calls is worth more
    if not endpoint.secure:
        missing["connection.tls_s"] = "the endpoint is not encrypted"
    last = visits[-1]
    return Connection(
        secure=endpoint.secure,
        address=last.address,
        http_version=last.http_version,
        tls_version=last.tls_version,
        dns_s=figure([one.dns_s for one in visits], enough=ROUNDS),
        tcp_s=figure([one.tcp_s for one in visits], enough=ROUNDS),
        tls_s=figure([one.tls_s for one in visits if one.tls_s is not None], enough=ROUNDS),
        reused=last.kept,
        closes_after="any" if last.kept is False else None,
    )


async def visit(endpoint: Endpoint, answer_s: float) -> Visit:
    """Look the host up, connect and shake hands; then ask what HTTP it speaks, for `answer_s`.

    Raises LookupFailed, OSError or PhaseTimeout where no connection comes about.
    """
    found = Visit()
    start_s = time.monotonic()
    found_hosts = resolve(endpoint.host, endpoint.port)
    addresses = await within(found_hosts, due("DNS lookup", PHASE_LIMIT_S))
    looked_up_s = time.monotonic()
    sock = await within(first_to_connect(addresses), due("connect", PHASE_LIMIT_S))
    connected_s = time.monotonic()
    found.dns_s, found.tcp_s = looked_up_s - start_s, connected_s - looked_up_s
    found.address = str(sock.getpeername()[0])
    try:
        opened = _open(sock, endpoint, found)
        reader, writer = await within(opened, due("TLS handshake", PHASE_LIMIT_S))
    except BaseException:
        sock.close()
        raise
    try:
        with contextlib.suppress(OSError, *UNREADABLE):
            await _ask_in_time(reader, writer, endpoint, found, answer_s)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)  # abort() closes the socket in the loop's next turn
    return found


async def kept_after_stream(
    endpoint: Endpoint, api_key: str, body: bytes, limit_s: float
) -> bool | None:
    """Send a streamed request, then another one on the same connection; whether it is answered.

    Some servers keep a connection after a plain answer only, whatever their headers say. None
    where the stream or the other answer did not come in time, or the server speaks HTTP/2.
    """
    found = Visit()
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(limit_s):
            sock = await first_to_connect(await resolve(endpoint.host, endpoint.port))
            reader, writer = await _open(sock, endpoint, found)
            if found.http_version:
                return None
            if not await _answer(reader, writer, _chat_request(endpoint, api_key, body)):
                return None
            found.kept = False
            found.kept = bool(await _answer(reader, writer, _models_request(endpoint)))
    except TimeoutError:
        return None  # it is busy: nobody knows
    except (OSError, LookupFailed, *UNREADABLE):
        pass  # `kept` says how far it came
    finally:
        if writer is not None:
            writer.transport.abort()
            await asyncio.sleep(0)
    return found.kept


def _models_request(endpoint: Endpoint) -> str:
    return f"GET {endpoint.api_path}/models HTTP/1.1\r\nHost: {endpoint.authority}\r\n\r\n"


def _chat_request(endpoint: Endpoint, api_key: str, body: bytes) -> str:
    lines = [
        f"POST {endpoint.api_path}/chat/completions HTTP/1.1",
        f"Host: {endpoint.authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *([f"Authorization: Bearer {api_key}"] if api_key else []),
    ]
    return "\r\n".join([*lines, "", ""]) + body.decode()


async def _open(
    sock: socket.socket, endpoint: Endpoint, found: Visit
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not endpoint.secure:
        return await asyncio.open_connection(sock=sock)
    context = _context()
    start_s = time.monotonic()
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=context, server_hostname=endpoint.host
    )
    found.tls_s = time.monotonic() - start_s
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    found.tls_version = tls.version() or ""
    if tls.selected_alpn_protocol() == "h2":
        found.http_version = "2"
    return reader, writer


def _context() -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def _ask_in_time(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    endpoint: Endpoint,
    found: Visit,
    answer_s: float,
) -> None:
    try:
        async with asyncio.timeout(answer_s):
            await _ask_twice(reader, writer, endpoint, found)
    except TimeoutError:
        found.kept = None  # it is busy: nobody knows


async def _ask_twice(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, endpoint: Endpoint, found: Visit
) -> None:
    """Read the HTTP version off an answer, and see whether the connection takes another request.

    A server that chose HTTP/2 is not asked: hotloop's client speaks HTTP/1.1.
    """
    if found.http_version:
        return
    head = _models_request(endpoint)
    found.http_version = await _answer(reader, writer, head)
    found.kept = False
    found.kept = bool(await _answer(reader, writer, head))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> str:
    """Return the HTTP version of one answer, empty where none came. Raises ValueError."""
    writer.write(head.encode())
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    protocol = lines[0].partition(" ")[0]
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    if "content-length" in headers:
        await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        await _read_chunks(reader)
    return protocol.removeprefix("HTTP/") if protocol.startswith("HTTP/") else ""


async def _read_chunks(reader: asyncio.StreamReader) -> None:
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        await reader.readexactly(size + 2)
    while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers
        pass
