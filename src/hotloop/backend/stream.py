"""The answer to a chat request, as a stream of deltas with time marks."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from hotloop.backend.chunks import ChunkDecoder, ErrorChunk
from hotloop.backend.exchange import Exchange
from hotloop.backend.faults import NETWORK_ERRORS, Faults
from hotloop.backend.http import PhaseTimeout
from hotloop.backend.sse import SseParser
from hotloop.backend.types import Delta, Finish, Report
from hotloop.errors import BackendError

_BLANK = b"\xef\xbb\xbf \t\r\n"


class ChatStream:
    """One answer; implements `backend.types.Stream`.

    An answer that is not streamed (one JSON object) yields its deltas all at once. The answer is
    whole when `[DONE]` came, or each of its `choices` finished, before the connection ended.
    """

    def __init__(self, exchange: Exchange, faults: Faults, choices: int) -> None:
        self.marks = exchange.clock.marks
        self._exchange = exchange
        self._faults = faults
        self._unfinished = set(range(choices))
        self._decoder = ChunkDecoder()
        self._sse = SseParser()
        self._head = b""
        self._json: bytearray | None = None
        self._ready: deque[Delta] = deque()
        self._failure: BackendError | None = None
        self._ended = False

    def __aiter__(self) -> ChatStream:
        """Return itself."""
        return self

    async def __anext__(self) -> Delta:
        """Return the next delta. Raises BackendError when the answer breaks off."""
        while not self._ready:
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if self._ended:
                raise StopAsyncIteration
            await self._fill()
        return self._ready.popleft()

    async def prime(self) -> None:
        """Read up to the first token, or to the end of an answer without one.

        Raises BackendError where the answer fails before its first token.
        """
        while self.marks.first_token_s is None and not self._ended:
            await self._fill()
        if self._failure is not None and self.marks.first_token_s is None:
            raise self._failure

    async def aclose(self) -> None:
        """Close the connection, which cancels the request at the server. Safe to call twice."""
        self._ready.clear()
        self._failure = None
        self._end()
        await asyncio.sleep(0)  # abort() closes the socket in the loop's next turn

    async def _fill(self) -> None:
        clock = self._exchange.clock
        limit = clock.due_first() if self.marks.first_token_s is None else clock.due_chunk()
        try:
            data = await self._exchange.read(limit)
        except NETWORK_ERRORS as exc:
            self._broken(exc)
        except BaseException:
            self._end()
            raise
        else:
            if data is None:
                self._body_ended()
            else:
                self._take(data)

    def _take(self, data: bytes) -> None:
        if self._json is not None:
            self._json += data
            return
        if not self._head:
            data = data.lstrip(_BLANK)
            self._head = data[:1]
        match self._head:
            case b"{":
                self._json = bytearray(data)
            case b"<":
                self._fail(self._faults.html(self._exchange.status))
            case _:
                self._events(self._sse.feed(data))

    def _events(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            if self._ended:
                return
            if payload == b"[DONE]":
                self._exchange.release()
                self._end()
            elif payload:
                self._decode(payload)

    def _decode(self, payload: bytes) -> None:
        try:
            deltas = self._decoder.decode(payload)
        except ErrorChunk as exc:
            self._fail(self._faults.in_answer(exc))
            return
        except msgspec.DecodeError as exc:
            self._fail(self._faults.broken_chunk(payload, exc))
            return
        for delta in deltas:
            if isinstance(delta, Finish):
                self._unfinished.discard(delta.choice)
            elif not isinstance(delta, Report):
                self.marks.last_token_s = self._exchange.clock.now()
                self.marks.first_token_s = self.marks.first_token_s or self.marks.last_token_s
        self._ready += deltas

    def _decode_whole(self, answer: bytes) -> None:
        self._decode(answer)
        self._unfinished.clear()
        if not self._ready and not self._ended:
            self._fail(self._faults.broken_chunk(answer, "it has no choices"))

    def _body_ended(self) -> None:
        if self._ended:
            return
        if self._json is not None:
            self._decode_whole(bytes(self._json))
        else:
            self._events(self._sse.flush())
        if self._ended:
            return
        if self._unfinished:
            self._fail(self._cut("it ended without a finish reason"))
            return
        self._exchange.release()
        self._end()

    def _broken(self, exc: BaseException) -> None:
        if self._ended:
            return
        if not self._unfinished:
            self._end()
        elif isinstance(exc, PhaseTimeout) or self.marks.first_token_s is None:
            self._fail(self._faults.network(exc))
        else:
            self._fail(self._cut("the connection closed in the middle"))

    def _cut(self, how: str) -> BackendError:
        kind = self._exchange.headers.get("content-type", "no content type")
        detail = how if self._head else f"it was empty ({kind})"
        return self._faults.cut(detail, transient=self.marks.first_token_s is None)

    def _fail(self, failure: BackendError) -> None:
        self._failure = failure
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._exchange.abort()
        if self.marks.end_s is None:
            self.marks.end_s = self._exchange.clock.now()
