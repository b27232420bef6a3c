"""The bytes of one connection, with the time at which they came."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol, cast

from hotloop.backend.deadline import Due, within

INBOX_BYTES = 262_144
"""With so many bytes unread the sender has to wait."""


class Listener(Protocol):
    """Is told of bytes the moment they come."""

    def take(self, data: bytes, at: float) -> None:
        """Take the next bytes, which came at monotonic `at`."""
        ...

    def end(self, error: Exception | None) -> None:
        """Take note that no more will come, and why if that is an error."""
        ...


class Link(asyncio.Protocol):
    """One connection. `heard_at` is the monotonic time at which its latest bytes came.

    Bytes wait for `read`, or go to a listener at once. That spares a future and a turn of the
    event loop for each piece of a stream, about half of what reading it costs.
    """

    def __init__(self) -> None:
        self.heard_at = 0.0
        self._inbox = bytearray()
        self._listener: Listener | None = None
        self._ended = False
        self._error: Exception | None = None
        self._paused = False
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    @property
    def open(self) -> bool:
        """Whether the other side has not closed the connection."""
        return not self._ended

    @property
    def unread(self) -> bool:
        """Whether bytes wait to be read."""
        return bool(self._inbox)

    async def write(self, data: bytes, limit: Due) -> None:
        """Send bytes; returns when the last one is handed to the system.

        Raises PhaseTimeout, OSError.
        """
        if self._ended:
            raise self._error or ConnectionResetError("the connection is closed")
        self._transport.write(data)
        if self._writable is not None:
            await within(self._writable, limit)

    async def read(self, limit: Due) -> bytes:
        """Return the bytes that came; none means the end. Raises PhaseTimeout, OSError."""
        if not self._inbox and not self._ended:
            self._readable = asyncio.get_running_loop().create_future()
            await within(self._readable, limit)
        if not self._inbox and self._error is not None:
            raise self._error
        data = bytes(self._inbox)
        self._inbox.clear()
        self.pause(False)
        return data

    def listen(self, listener: Listener | None) -> None:
        """Give what is unread and what comes to a listener; without one it waits to be read."""
        self._listener = listener
        self.pause(False)
        if listener is None:
            return
        if self._inbox:
            data = bytes(self._inbox)
            self._inbox.clear()
            listener.take(data, self.heard_at)
        if self._ended and self._listener is listener:
            listener.end(self._error)

    def pause(self, paused: bool) -> None:
        """Let the sender wait, or go on."""
        if paused == self._paused or self._ended:
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once. Safe to call twice."""
        self._listener = None
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin. With a high-water mark of 0, writing waits until the last byte is handed over."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the system."""
        self.heard_at = at = time.monotonic()
        if self._listener is not None:
            self._listener.take(data, at)
            return
        self._inbox += data
        self.pause(len(self._inbox) > INBOX_BYTES)
        _resolve(self._readable)

    def eof_received(self) -> None:
        """Take note that the other side has ended; the connection closes."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone."""
        self._end(exc)
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(exc or ConnectionResetError("the connection was closed"))

    def pause_writing(self) -> None:
        """Take note that bytes wait to be handed over."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Take note that no byte waits to be handed over."""
        _resolve(self._writable)
        self._writable = None

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended, self._error = True, error
        _resolve(self._readable)
        if self._listener is not None:
            self._listener.end(error)


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
