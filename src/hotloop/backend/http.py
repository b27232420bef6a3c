"""HTTP/1.1: connections whose every phase has a deadline, and a pool of idle ones.

h11 reads the heads; nothing heavier is imported, because start-up time is a benchmark.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

import h11

from hotloop.backend.body import Body, body_of, keeps_connection
from hotloop.backend.deadline import Due, PhaseTimeout, due, within
from hotloop.backend.dial import first_to_connect, resolve
from hotloop.backend.endpoint import Endpoint
from hotloop.backend.link import Link, Listener
from hotloop.config import Timeouts

if TYPE_CHECKING:
    import ssl

SETTLE_S = 0.05
IDLE_LIMIT_S = 30.0
"""Idle connections older than this are not used again: proxies and NAT drop them silently."""


class Connection:
    """One connection. `heard` says whether the answer to the latest request has begun."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._http = h11.Connection(h11.CLIENT)
        self._body = Body(0)
        self._rest = b""
        self._listener: Listener | None = None
        self._idle_since = 0.0
        self._kept = False
        self.reused = False
        self.heard = False

    @property
    def heard_at(self) -> float:
        """Return the monotonic time at which the latest bytes came."""
        return self._link.heard_at

    async def send(self, head: h11.Request, body: bytes, limit: Due) -> None:
        """Send a whole request; returns when its last byte is handed to the system."""
        self.heard = False
        self._http = http = h11.Connection(h11.CLIENT)
        parts = (head, h11.Data(data=body), h11.EndOfMessage())
        await self._link.write(b"".join(http.send(part) or b"" for part in parts), limit)

    async def answer(self, limit: Due) -> h11.Response:
        """Return the head of the answer; its body is then read, or listened to.

        Raises PhaseTimeout, OSError, or h11.RemoteProtocolError when the connection ends early.
        """
        while True:
            match self._http.next_event():
                case h11.NEED_DATA:
                    data = await self._link.read(limit)
                    self.heard = self.heard or bool(data)
                    self._http.receive_data(data)
                case h11.InformationalResponse():
                    pass
                case h11.Response() as response:
                    self._body, self._kept = body_of(response), keeps_connection(response)
                    self._rest = self._body.feed(self._http.trailing_data[0])
                    return response
                case _:
                    raise ConnectionResetError("closed before the answer began")

    async def read(self, limit: Due) -> bytes | None:
        """Return the next bytes of the body, None at its end. Raises as `answer` does."""
        while not self._rest:
            if self._body.complete:
                return None
            if data := await self._link.read(limit):
                self._rest = self._body.feed(data)
            else:
                self._body.close()
        data, self._rest = self._rest, b""
        return data

    def listen(self, listener: Listener) -> None:
        """Give the body to a listener, as it comes."""
        self._listener = listener
        if self._rest:
            data, self._rest = self._rest, b""
            listener.take(data, self._link.heard_at)
        if self._body.complete:
            self._tell_end(None)
        elif self._listener is listener:  # it may have heard enough
            self._link.listen(self)

    def take(self, data: bytes, at: float) -> None:
        """Take bytes from the link and hand on what of them is content."""
        try:
            content = self._body.feed(data)
        except h11.RemoteProtocolError as error:
            self._tell_end(error)
            return
        if content and self._listener is not None:
            self._listener.take(content, at)
        if self._body.complete:
            self._tell_end(None)

    def end(self, error: Exception | None) -> None:
        """Take note that the connection has ended."""
        try:
            if error is None:
                self._body.close()
        except h11.RemoteProtocolError as cut:
            error = cut
        self._tell_end(error)

    def pause(self, paused: bool) -> None:
        """Let the sender wait, or go on."""
        self._link.pause(paused)

    def rest(self) -> None:
        """Note the time from which the connection is idle, and listen no more."""
        self._listener = None
        self._link.listen(None)
        self._idle_since = time.monotonic()

    async def settle(self) -> bool:
        """Make ready for another request, reading what the last answer still has, if anything.

        Returns False where the connection cannot be used again.
        """
        idle_s = time.monotonic() - self._idle_since
        if not (self._kept and self._link.open) or idle_s > IDLE_LIMIT_S:
            return False
        limit = due("settle", SETTLE_S)
        try:
            while await self.read(limit) is not None:
                pass
        except (PhaseTimeout, OSError, h11.RemoteProtocolError):
            return False
        self.reused = self._link.open and not self._link.unread
        return self.reused

    def abort(self) -> None:
        """Close at once, so that the server sees it and stops working. Safe to call twice."""
        self._listener = None
        self._link.abort()

    def _tell_end(self, error: Exception | None) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.end(error)


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
            return Connection(await within(self._open(sock), limit))
        except BaseException:
            sock.close()
            raise

    async def _open(self, sock: socket.socket) -> Link:
        loop = asyncio.get_running_loop()
        if not self._endpoint.secure:
            _, link = await loop.create_connection(Link, sock=sock)
            return link
        if self._tls is None:
            import ssl

            self._tls = ssl.create_default_context()
        host = self._endpoint.host
        _, link = await loop.create_connection(Link, sock=sock, ssl=self._tls, server_hostname=host)
        return link

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)  # abort() closes the socket in the loop's next turn
