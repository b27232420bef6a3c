"""Waiting for absolute times: slots, and sequences that decode side by side.

Every due time is computed from the times before it, never from when something really ran,
so that a late wake-up on a busy machine delays one token and not all that follow.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque


def punctual_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose timers are right to microseconds.

    The usual one waits in epoll, for whole milliseconds, rounded up: half a millisecond late in
    the mean. `select` has microseconds (and no more than 1,024 file descriptors).
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def sleep_until(at_s: float) -> None:
    """Return at a time of the loop's clock (time.monotonic), at once if it has passed."""
    left_s = at_s - asyncio.get_running_loop().time()
    if left_s > 0:
        await asyncio.sleep(left_s)


class Slots:
    """A number of places, handed out in the order of asking."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[float]] = deque()

    async def take(self, at_s: float) -> float:
        """Wait until `at_s` and then for a place; return the time it was due."""
        await sleep_until(at_s)
        if self._free:
            self._free -= 1
            return at_s
        place: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            return max(at_s, await place)
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release(place.result())
            raise

    def release(self, at_s: float) -> None:
        """Give a place back that was free from `at_s` on."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(at_s)
                return
        self._free += 1


class Sequence:
    """One answer being decoded. Token i is due a known time after the one before it."""

    def __init__(self, decoder: Decoder, start_s: float, token_s: float) -> None:
        self._decoder = decoder
        self._token_s = token_s
        self._anchor_s = start_s
        self._done = 0.0
        self._changed: asyncio.Future[None] | None = None

    def due_s(self, token: int) -> float:
        """Return when a token is due if no sequence joins or leaves before."""
        pace = self._token_s * self._decoder.factor
        return self._anchor_s + (token - self._done) * pace

    def due_tokens(self, at_s: float, most: int) -> int:
        """Return how many of `most` tokens are due at a time: token 0 is due at the start."""
        pace = self._token_s * self._decoder.factor
        if at_s < self._anchor_s:
            return 0
        if not pace:
            return most
        return min(most, int(self._done + (at_s - self._anchor_s) / pace + 1e-9) + 1)

    async def wait(self, token: int) -> None:
        """Wait until a token is due, whoever joins or leaves meanwhile."""
        loop = asyncio.get_running_loop()
        while (due_s := self.due_s(token)) > loop.time():
            self._changed = loop.create_future()
            timer = loop.call_at(due_s, _resolve, self._changed)
            try:
                await self._changed
            finally:
                timer.cancel()

    def settle(self, at_s: float) -> None:
        """Count what was decoded up to a time; the pace is about to change."""
        pace = self._token_s * self._decoder.factor
        if pace and at_s > self._anchor_s:
            self._done += (at_s - self._anchor_s) / pace
            self._anchor_s = at_s

    def stall(self, at_s: float, seconds: float) -> None:
        """Decode nothing for some seconds from a time on."""
        self.settle(at_s)
        self._anchor_s = max(self._anchor_s, at_s) + seconds

    def wake(self) -> None:
        """Let a waiting task look at the clock again."""
        if self._changed is not None:
            _resolve(self._changed)


class Decoder:
    """Sequences that decode at the same time and slow each other down."""

    def __init__(self, share_cost: float) -> None:
        self._share_cost = share_cost
        self._active: set[Sequence] = set()

    @property
    def factor(self) -> float:
        """How much longer a token takes than alone."""
        return 1 + self._share_cost * max(0, len(self._active) - 1)

    def join(self, start_s: float, token_s: float) -> Sequence:
        """Begin a sequence that was due to start at `start_s`."""
        sequence = Sequence(self, start_s, token_s)
        self._settle(start_s)
        self._active.add(sequence)
        self._wake()
        return sequence

    def leave(self, sequence: Sequence, at_s: float) -> None:
        """End a sequence that was due to end at `at_s`."""
        self._settle(at_s)
        self._active.discard(sequence)
        self._wake()

    def stall(self, at_s: float, seconds: float) -> None:
        """Hold every sequence up: something else has the engine for some seconds."""
        for sequence in self._active:
            sequence.stall(at_s, seconds)
        self._wake()

    def _settle(self, at_s: float) -> None:
        for sequence in self._active:
            sequence.settle(at_s)

    def _wake(self) -> None:
        for sequence in self._active:
            sequence.wake()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
