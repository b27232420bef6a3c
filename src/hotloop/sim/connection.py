"""One HTTP connection: requests in, answers out, and a client that may leave at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11
import msgspec

CHUNK_BYTES = 65_536
JSON_TYPE = "application/json"


class RequestRecord(msgspec.Struct, kw_only=True):
    """One request as it came over the wire, and what became of it.

    Times are those of time.monotonic(). `disconnect_s` is when the client left before the
    answer's end, `fault` the fault that struck it.
    """

    method: str
    path: str
    headers: dict[str, str]
    arrival_s: float
    fresh_connection: bool
    body: bytes = b""
    status: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    headers_s: float | None = None
    first_token_s: float | None = None
    end_s: float | None = None
    disconnect_s: float | None = None
    fault: str = ""


Handler = Callable[[RequestRecord, "Connection"], Awaitable[None]]


class Connection:
    """Reads the requests of one connection in turn and gives each to a handler.

    The handler is cancelled when the client goes away before it has ended.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._http = h11.Connection(h11.SERVER)
        self._read_s = 0.0
        self._served = 0
        self._record: RequestRecord | None = None

    async def serve(self) -> None:
        """Serve until either side closes the connection."""
        try:
            while (record := await self._request()) is not None:
                self._record = record
                if not await self._handled(record):
                    return
                self._record = None
                self._served += 1
                if self._http.our_state is not h11.DONE:
                    return
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            self._refuse(error)
        finally:
            self._writer.close()

    def respond(
        self,
        status: int,
        body: bytes,
        kind: str = JSON_TYPE,
        more: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Send a whole answer."""
        length = ("content-length", str(len(body)))
        self.start(status, kind, (length, *more))
        self.write(body)
        self.finish()

    def start(self, status: int, kind: str, more: tuple[tuple[str, str], ...] = ()) -> None:
        """Send status and headers of an answer."""
        headers = [("content-type", kind), *more]
        if self._record is not None:
            self._record.status = status
            self._record.headers_s = asyncio.get_running_loop().time()
        self._send(h11.Response(status_code=status, headers=headers))

    def write(self, data: bytes) -> None:
        """Send a piece of an answer's body."""
        self._send(h11.Data(data=data))

    def finish(self) -> None:
        """End an answer."""
        if self._record is not None:
            self._record.end_s = asyncio.get_running_loop().time()
        self._send(h11.EndOfMessage())

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)

    async def _handled(self, record: RequestRecord) -> bool:
        """Run the handler; return False when the client left meanwhile."""
        work = asyncio.ensure_future(self._handler(record, self))
        gone = asyncio.ensure_future(self._until_gone())
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if left := not work.done():
                record.disconnect_s = asyncio.get_running_loop().time()
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.wait((work, gone))
        if not left:
            work.result()
        return not left

    async def _until_gone(self) -> None:
        while await self._read():
            pass

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(CHUNK_BYTES)
        except ConnectionError:
            data = b""
        self._read_s = asyncio.get_running_loop().time()
        if data:
            self._http.receive_data(data)
        return bool(data)

    async def _request(self) -> RequestRecord | None:
        record: RequestRecord | None = None
        body = bytearray()
        while True:
            match self._http.next_event():
                case h11.NEED_DATA:
                    if self._http.they_are_waiting_for_100_continue:
                        self._send(h11.InformationalResponse(status_code=100, headers=[]))
                    if not await self._read():
                        return None
                case h11.Request() as head:
                    record = self._begun(head)
                case h11.Data() as data:
                    body += data.data
                case h11.EndOfMessage() if record is not None:
                    record.body = bytes(body)
                    return record
                case _:
                    return None

    def _begun(self, head: h11.Request) -> RequestRecord:
        return RequestRecord(
            method=head.method.decode("ascii"),
            path=head.target.decode("ascii").partition("?")[0],
            headers={
                name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers
            },
            arrival_s=self._read_s,
            fresh_connection=not self._served,
        )

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            text = str(error).encode()
            self.respond(error.error_status_hint, text, "text/plain", (("connection", "close"),))
