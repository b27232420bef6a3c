"""One request and its answer, on the clock."""

from __future__ import annotations

import time

import h11

from hotloop import __version__
from hotloop.backend.deadline import Due, due
from hotloop.backend.endpoint import Endpoint
from hotloop.backend.http import Connection, Pool
from hotloop.backend.link import Listener
from hotloop.backend.types import Watch
from hotloop.config import Timeouts
from hotloop.ledger.events import Marks


class Exchange:
    """A request whose answer has begun: status, headers, then the body piece by piece."""

    def __init__(
        self, conn: Connection, pool: Pool, response: h11.Response, clock: RequestClock
    ) -> None:
        self._conn: Connection | None = conn
        self._pool = pool
        self.clock = clock
        self.status = response.status_code
        self.headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}

    async def read(self, limit: Due) -> bytes | None:
        """Return the next bytes of the body, None at its end.

        Raises PhaseTimeout, OSError or h11.RemoteProtocolError.
        """
        if self._conn is None:
            return None
        data = await self._conn.read(limit)
        if data and self.clock.marks.first_byte_s is None:
            self.clock.marks.first_byte_s = self.clock.now()
        return data

    def listen(self, listener: Listener) -> None:
        """Give the body to a listener, as it comes."""
        if self._conn is not None:
            self._conn.listen(listener)

    def heard_at(self) -> float:
        """Return the monotonic time at which the latest bytes came."""
        return self._conn.heard_at if self._conn is not None else time.monotonic()

    def pause(self, paused: bool) -> None:
        """Let the server wait, or go on."""
        if self._conn is not None:
            self._conn.pause(paused)

    async def read_all(self, most_bytes: int) -> bytes:
        """Return the whole body, cut at `most_bytes`, and give the connection back."""
        body = bytearray()
        try:
            while len(body) < most_bytes:
                data = await self.read(self.clock.due_chunk())
                if data is None:
                    self.release()
                    break
                body += data
        finally:
            self.abort()
        return bytes(body[:most_bytes])

    def release(self) -> None:
        """Give the connection back: the answer has been read."""
        if self._conn is not None:
            self._pool.release(self._conn)
            self._conn = None

    def abort(self) -> None:
        """Close the connection, unless it was given back. Safe to call twice."""
        if self._conn is not None:
            self._conn.abort()
            self._conn = None


class RequestClock:
    """Marks and deadlines of one request, over all its attempts.

    `watch` is given the marks of each attempt as it begins; they fill while it goes on.
    """

    def __init__(
        self, timeouts: Timeouts, session_start_s: float, watch: Watch = lambda marks: None
    ) -> None:
        self._timeouts = timeouts
        self._session_start_s = session_start_s
        self._watch = watch
        self._sent_at = 0.0
        self._total = due("total", timeouts.total_s)
        self.marks = Marks(start_s=self.now())
        watch(self.marks)

    def now(self) -> float:
        """Return the seconds since the session started."""
        return time.monotonic() - self._session_start_s

    def seconds(self, at: float) -> float:
        """Return a monotonic time in seconds since the session started."""
        return at - self._session_start_s

    def restart(self) -> None:
        """Begin another attempt: its marks replace those of the one that failed."""
        self.marks = Marks(start_s=self.marks.start_s)
        self._watch(self.marks)

    def sent(self) -> None:
        """Note that the last byte of the request is handed over."""
        self._sent_at = time.monotonic()
        self.marks.sent_s = self.now()

    def due_send(self) -> Due:
        """Return when the request must be sent."""
        return self._sooner(due("send", self._timeouts.send_s))

    def due_first(self) -> Due:
        """Return when the first token must be there, or the first byte of any other answer."""
        return self._sooner(due("first byte", self._timeouts.first_byte_s, self._sent_at))

    def due_chunk(self, heard_at: float | None = None) -> Due:
        """Return when the next bytes must be there, after those at monotonic `heard_at`, or now."""
        return self._sooner(due("between chunks", self._timeouts.chunk_s, heard_at))

    def _sooner(self, limit: Due) -> Due:
        return limit if limit.at <= self._total.at else self._total


class Transport:
    """Sends requests to one endpoint over its pool of connections."""

    def __init__(self, endpoint: Endpoint, api_key: str, timeouts: Timeouts) -> None:
        self.endpoint = endpoint
        self._pool = Pool(endpoint, timeouts)
        self._headers = [
            ("Host", endpoint.authority),
            ("User-Agent", f"hotloop/{__version__}"),
            ("Accept", "text/event-stream, application/json"),
            ("Accept-Encoding", "identity"),
        ]
        if api_key:
            self._headers.append(("Authorization", f"Bearer {api_key}"))

    async def request(self, method: str, path: str, body: bytes, clock: RequestClock) -> Exchange:
        """Send a request and return when the head of its answer is there.

        An idle connection that turns out to be closed is replaced, once, without a word.
        Raises what `NETWORK_ERRORS` of `faults` lists.
        """
        head = h11.Request(method=method, target=path, headers=self._framed(body))
        conn = await self._pool.acquire()
        try:
            return await self._converse(conn, head, body, clock)
        except (ConnectionError, h11.RemoteProtocolError):
            if conn.heard or not conn.reused:
                raise
        return await self._converse(await self._pool.connect(), head, body, clock)

    async def aclose(self) -> None:
        """Close idle connections."""
        await self._pool.aclose()

    async def _converse(
        self, conn: Connection, head: h11.Request, body: bytes, clock: RequestClock
    ) -> Exchange:
        clock.marks.connected_s = clock.now()
        try:
            await conn.send(head, body, clock.due_send())
            clock.sent()
            response = await conn.answer(clock.due_first())
        except BaseException:
            conn.abort()
            raise
        clock.marks.headers_s = clock.seconds(conn.heard_at)
        return Exchange(conn, self._pool, response, clock)

    def _framed(self, body: bytes) -> list[tuple[str, str]]:
        if not body:
            return self._headers
        framing = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return self._headers + framing
