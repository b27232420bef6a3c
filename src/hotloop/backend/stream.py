"""The answer to a chat request, as a stream of deltas with time marks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from hotloop.backend.chunks import ChunkDecoder, ErrorChunk
from hotloop.backend.deadline import PhaseTimeout
from hotloop.backend.exchange import Exchange
from hotloop.backend.faults import Faults
from hotloop.backend.sse import SseParser
from hotloop.backend.types import Delta, Finish, Report
from hotloop.errors import BackendError

_BLANK = b"\xef\xbb\xbf \t\r\n"
MOST_WAITING = 4_096
"""With so many deltas unread the server has to wait."""
Take: TypeAlias = Callable[[Delta, float], None]
"""Is told of a delta, and when it came, the moment it comes."""


class ChatStream:
    """One answer; implements `backend.types.Stream`.

    It is decoded as its bytes come, whether someone waits for them or not, so that time marks are
    right. With `take`, deltas go there instead of waiting to be iterated over; `ended` waits for
    the last one. An answer that is not streamed (one JSON object) yields its deltas all at once.
    It is whole when `[DONE]` came, or each of its `choices` finished, before the connection ended.
    """

    def __init__(
        self, exchange: Exchange, faults: Faults, choices: int, take: Take | None = None
    ) -> None:
        self.marks = exchange.clock.marks
        self._exchange = exchange
        self._faults = faults
        self._unfinished = set(range(choices))
        self._deliver = take
        self._decoder = ChunkDecoder()
        self._sse = SseParser()
        self._head = b""
        self._json: bytearray | None = None
        self._streams = False
        self._at_s = 0.0
        self._ready: deque[Delta] = deque()
        self._failure: Exception | None = None
        self._ended = False
        self._paused = False
        self._news: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

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
            await self._wait()
        delta = self._ready.popleft()
        if self._paused and not self._ready:
            self._pause(False)
        return delta

    async def prime(self) -> None:
        """Read up to the first token, or to the end of an answer without one.

        Raises BackendError where the answer fails before its first token.
        """
        self._watch_over()
        self._exchange.listen(self)
        while self.marks.first_token_s is None and not self._ended:
            await self._wait()
        if self._failure is not None and self.marks.first_token_s is None:
            raise self._failure

    async def ended(self) -> None:
        """Return when the answer has ended. Raises BackendError when it breaks off."""
        while not self._ended:
            await self._wait()
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        """Close the connection, which cancels the request at the server. Safe to call twice."""
        self._ready.clear()
        self._failure = None
        if not self._ended:
            self._end()
            await asyncio.sleep(0)  # abort() closes the socket in the loop's next turn

    def take(self, data: bytes, at: float) -> None:
        """Take the next bytes of the body, and tell who waits for what is in them."""
        self._at_s = self._exchange.clock.seconds(at)
        began = self.marks.first_token_s is not None
        try:
            if self._streams:
                self._events(self._sse.feed(data))
            else:
                self._begin(data)
            if self._ready:
                self._hand_over()
        except Exception as error:  # not for the event loop to swallow: raised where it is read
            self._fail(error)
        if not began and self.marks.first_token_s is not None and not self._ended:
            self._watch_over()

    def end(self, error: Exception | None) -> None:
        """Take note that the body has ended, or broke off."""
        if error is None:
            self._body_ended()
        else:
            self._broken(error)
        self._hand_over()

    def _hand_over(self) -> None:
        if self._deliver is None:
            if len(self._ready) > MOST_WAITING:
                self._pause(True)
            if self._ready:
                self._tell()
            return
        if self.marks.first_token_s is None and (self._failure or not self._ended):
            return  # it may be tried again
        while self._ready:
            self._deliver(self._ready.popleft(), self._at_s)

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        try:
            await self._news
        except BaseException:
            self._end()
            raise

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _pause(self, paused: bool) -> None:
        self._paused = paused
        self._exchange.pause(paused)

    def _watch_over(self) -> None:
        """Look whether the next bytes are overdue, and again when they could be.

        One timer for all of an answer, since setting one for each chunk takes longer than
        decoding it.
        """
        clock, loop = self._exchange.clock, asyncio.get_running_loop()
        if self._watch is not None:
            self._watch.cancel()
        if self.marks.first_token_s is None:
            limit = clock.due_first()
        else:
            limit = clock.due_chunk(None if self._paused else self._exchange.heard_at())
        if limit.at > loop.time():
            self._watch = loop.call_at(limit.at, self._watch_over)
        else:
            self._broken(PhaseTimeout(limit.phase, limit.seconds))

    def _begin(self, data: bytes) -> None:
        """Find out by the first bytes what comes; collect what is not an event stream."""
        if self.marks.first_byte_s is None:
            self.marks.first_byte_s = self._at_s
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
                self._streams = bool(self._head)
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

    def _decode(self, payload: bytes) -> bool:
        """Decode a chunk; return whether anything was in it."""
        try:
            deltas = self._decoder.decode(payload)
        except ErrorChunk as exc:
            self._fail(self._faults.in_answer(exc))
            return False
        except msgspec.DecodeError as exc:
            self._fail(self._faults.broken_chunk(payload, exc))
            return False
        marks = self.marks
        for delta in deltas:
            if isinstance(delta, Finish):
                self._unfinished.discard(delta.choice)
            elif not isinstance(delta, Report):
                marks.last_token_s = self._at_s
                if marks.first_token_s is None:
                    marks.first_token_s = self._at_s
        if self._deliver is None or marks.first_token_s is None or self._ready:
            self._ready += deltas
            return bool(deltas)
        for delta in deltas:
            self._deliver(delta, self._at_s)
        return bool(deltas)

    def _decode_whole(self, answer: bytes) -> None:
        said = self._decode(answer)
        self._unfinished.clear()
        if not said and not self._ended:
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

    def _fail(self, failure: Exception) -> None:
        self._failure = failure
        self._end()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._exchange.abort()
        if self._watch is not None:
            self._watch.cancel()
        self.marks.end_s = self._exchange.clock.now()
        self._tell()
