"""HTTP/1.1 over asyncio streams: connections with a deadline per phase, and a pool of idle ones.

h11 speaks the protocol; nothing heavier is imported, because start-up time is a benchmark.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import h11
import msgspec

from hotloop.backend.dial import first_to_connect, resolve
from hotloop.backend.endpoint import Endpoint
from hotloop.config import Timeouts

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")
HttpEvent: TypeAlias = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]

READ_BYTES = 65_536
SETTLE_S = 0.05
IDLE_LIMIT_S = 30.0
"""Idle connections older than this are not used again: proxies and NAT drop them silently."""


class PhaseTimeout(Exception):
    """A phase of a request took longer than its timeout."""

    def __init__(self, phase: str, seconds: float) -> None:
        super().__init__(phase, seconds)
        self.phase = phase
        self.seconds = seconds


class Due(msgspec.Struct, frozen=True):
    """When something must have happened: monotonic `at`, and the timeout it follows from."""

    at: float
    phase: str
    seconds: float


def due(phase: str, seconds: float, start: float | None = None) -> Due:
    """Return the deadline of a phase that begins at monotonic `start`, by default now."""
    return Due((time.monotonic() if start is None else start) + seconds, phase, seconds)


async def within(awaitable: Awaitable[T], limit: Due) -> T:
    """Await something until it is due. Raises PhaseTimeout."""
    try:
        async with asyncio.timeout_at(limit.at):
            return await awaitable
    except TimeoutError:
        raise PhaseTimeout(limit.phase, limit.seconds) from None


class Connection:
    """One connection. `heard` says whether the answer to the latest request has begun."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._idle_since = 0.0
        self.reused = False
        self.heard = False
        # With a high-water mark of 0, drain() waits until the last byte is handed over.
        writer.transport.set_write_buffer_limits(high=0)

    async def send(self, head: h11.Request, body: bytes, limit: Due) -> None:
        """Send a whole request; returns when its last byte is handed to the system."""
        self.heard = False
        parts = (head, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(part) or b"" for part in parts))
        await within(self._writer.drain(), limit)

    async def event(self, limit: Due) -> HttpEvent:
        """Return the next part of the answer.

        Raises PhaseTimeout, OSError, or h11.RemoteProtocolError when the connection ends early.
        """
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await within(self._reader.read(READ_BYTES), limit)
            self.heard = self.heard or bool(data)
            self._http.receive_data(data)
        return event

    def rest(self) -> None:
        """Note the time from which the connection is idle."""
        self._idle_since = time.monotonic()

    async def settle(self) -> bool:
        """Make ready for another request, reading what the last answer still has, if anything.

        Returns False where the connection cannot be used again.
        """
        if self._reader.at_eof() or time.monotonic() - self._idle_since > IDLE_LIMIT_S:
            return False
        limit = due("settle", SETTLE_S)
        try:
            while self._http.their_state is h11.SEND_BODY:
                await self.event(limit)
            self._http.start_next_cycle()
        except (PhaseTimeout, OSError, h11.ProtocolError):
            return False
        self.reused = True
        return True

    def abort(self) -> None:
        """Close at once, so that the server sees it and stops working. Safe to call twice."""
        self._writer.transport.abort()


class Pool:
    """Connections to one endpoint: idle ones are used again, the latest first."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._idle: list[Connection] = []
        self._tls: ssl.SSLContext | None = None

    async def acquire(self) -> Connection:
        """Return an idle connection, or a new one. Raises what `connect` raises."""
        while self._idle:
            conn = self._idle.pop()
            try:
                ready = await conn.settle()
            except BaseException:
                conn.abort()
                raise
            if ready:
                return conn
            conn.abort()
        return await self.connect()

    def release(self, conn: Connection) -> None:
        """Keep a connection whose answer has been read; its very last bytes may still come."""
        conn.rest()
        self._idle.append(conn)

    async def connect(self) -> Connection:
        """Open a connection: look the name up, connect, shake hands, each with its own timeout.

        Raises LookupFailed, PhaseTimeout or OSError.
        """
        limits, end = self._timeouts, self._endpoint
        addresses = await within(resolve(end.host, end.port), due("DNS lookup", limits.dns_s))
        sock = await within(first_to_connect(addresses), due("connect", limits.connect_s))
        try:
            limit = due("TLS handshake", limits.tls_s)
            return Connection(*await within(self._open(sock), limit))
        except BaseException:
            sock.close()
            raise

    async def _open(self, sock: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._endpoint.secure:
            return await asyncio.open_connection(sock=sock)
        if self._tls is None:
            import ssl

            self._tls = ssl.create_default_context()
        return await asyncio.open_connection(
            sock=sock, ssl=self._tls, server_hostname=self._endpoint.host
        )

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)  # abort() closes the socket in the loop's next turn
