"""Lever `hedge`: a request whose first token is late goes to a replica, too; the first token wins.

The other request is cancelled, its connection closed. Only before the first token, only across
replicas of the same model, so the bytes of the conversation are the same whoever answers. As in
"The Tail at Scale" (Dean and Barroso, CACM 2013), the second request waits for the 95th percentile
of the first's usual wait, and extra requests are capped at a few per cent.

Other than theirs, an endpoint that answers an agent holds its conversation in a prefix cache. A
replica has to read all of it first. So the second request also waits for as long as that takes: the
longer a wait has been, the longer it is going to be, where tails are heavy. And who won is asked
first from then on, since it has read the most.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

import msgspec

from hotloop.backend.types import Backend, Stream, Watch
from hotloop.errors import BackendError
from hotloop.ledger.events import Marks
from hotloop.levers.speed import Speed, Warmth

CAP = 0.05
"""Extra requests per request, beside the first one of a session."""
_LATE = 0.95
_LEAST_SAMPLES = 8
_LEAST_LATE = 1.1
_LEAST_WAIT_S = 0.05


class Hedged(msgspec.Struct, frozen=True, kw_only=True):
    """A second request: to whom, when (`t_s`), and whether its first token was the first."""

    replica: str
    sent_s: float
    won: bool


def late_s(speed: Speed, cold_tokens: int) -> float | None:
    """Return the seconds after which a first token is late; None where that is not known.

    It is the 95th percentile: of the probe's many small calls, in proportion to the usual wait for
    a prompt with as much to read; else of this session's calls, from eight on, if one of them had
    as much to read.
    """
    usual_s = speed.ttft_s(cold_tokens)
    if usual_s is None:
        return None
    if speed.rates is not None and speed.rates.late is not None:
        return usual_s * max(_LEAST_LATE, speed.rates.late)
    points = speed.points
    if len(points) < _LEAST_SAMPLES or cold_tokens > max(count for count, _ in points):
        return None
    ratios = sorted(wait_s / (speed.ttft_s(count) or wait_s or 1.0) for count, wait_s in points)
    return usual_s * max(_LEAST_LATE, ratios[math.ceil(_LATE * len(ratios)) - 1])


class Hedge:
    """Asks the replicas of one model, taken to be equally fast. `first` is asked first.

    `now_s` is the session's clock. `latest` tells of the latest call's second request, if it had
    one. `tell` is given what goes wrong with a replica, in words.
    """

    def __init__(
        self,
        first: Backend,
        replicas: Sequence[Backend],
        speed: Speed,
        now_s: Callable[[], float],
        tell: Callable[[str], None],
    ) -> None:
        self.first = first
        self.latest: Hedged | None = None
        self.wasted_s = 0.0
        self._others = list(replicas)
        self._warmth = {id(one): Warmth() for one in (first, *replicas)}
        self._speed = speed
        self._now_s = now_s
        self._tell = tell
        self.calls = 0
        self.hedges: list[Hedged] = []

    def read(self, by: Backend, body: bytes) -> None:
        """Note that an endpoint has read a request that was not hedged."""
        self._warmth[id(by)].took(body)

    async def chat(self, body: bytes, watch: Watch) -> Stream:
        """Send a request, late to a replica as well; return the stream whose token came first.

        Its marks begin with the first request; the other is closed by then. Raises BackendError of
        the first where both fail. Cancelling closes both.
        """
        self.calls += 1
        self.latest = None
        race = _Race(body, self._now_s)
        try:
            first = race.send(self.first, watch)
            late_at_s = self._late_s(body)
            await asyncio.wait({first.task}, timeout=late_at_s)
            if not first.task.done() and late_at_s is not None and self._may_hedge():
                self._sent(race.send(self._warmest(body)))
            winner = await race.winner()
            self._take(race, winner)
            await race.close(but=winner)
            return winner.result(first.marks)
        except BaseException:
            await race.close()
            raise
        finally:
            self._count(race)

    def _late_s(self, body: bytes) -> float | None:
        """Return the seconds after which a second request is sent, None for never."""
        if not self._others:
            return None
        warmth = self._warmth[id(self.first)]
        waits = (
            late_s(self._speed, warmth.cold_tokens(body)),
            self._speed.ttft_s(self._warmth[id(self._warmest(body))].cold_tokens(body)),
        )
        known = [wait_s for wait_s in waits if wait_s is not None]
        return max(_LEAST_WAIT_S, *known) if len(known) == len(waits) else None

    def _may_hedge(self) -> bool:
        return bool(self._others) and len(self.hedges) <= CAP * self.calls

    def _warmest(self, body: bytes) -> Backend:
        return min(self._others, key=lambda one: self._warmth[id(one)].cold_tokens(body))

    def _sent(self, spare: _Sent) -> None:
        self.latest = Hedged(replica=spare.backend.base_url, sent_s=spare.sent_s, won=False)
        self.hedges.append(self.latest)

    def _take(self, race: _Race, winner: _Sent) -> None:
        """Take an answer into speed and warmth; ask first who won."""
        first = race.sent[0]
        cold_tokens = self._warmth[id(first.backend)].cold_tokens(race.body)
        # A wait that was ended is at least as long as it was: without it only short ones counted.
        self._speed.saw(cold_tokens, self._now_s() - first.sent_s)
        self._warmth[id(winner.backend)].took(race.body)
        race.winning = winner
        if winner is not first:
            self.hedges[-1] = self.latest = msgspec.structs.replace(self.hedges[-1], won=True)
            self._others.append(self.first)
            self._others.remove(winner.backend)
            self.first = winner.backend

    def _count(self, race: _Race) -> None:
        """Take the requests of a call that were not wanted, or failed, into the account."""
        if len(race.sent) == 1:
            return
        now_s = self._now_s()
        self.wasted_s += sum(now_s - one.sent_s for one in race.sent if one is not race.winning)
        spare = race.sent[1]
        if (error := spare.error) is not None:
            self._others.remove(spare.backend)
            self._tell(f"replica {spare.backend.base_url} is not asked again: {error.cause}")

    @property
    def detail(self) -> str:
        """Return the account in words; empty where no request was sent twice."""
        if not self.hedges:
            return ""
        won = sum(one.won for one in self.hedges)
        text = f"{len(self.hedges)} of {self.calls} calls asked twice, {won} answered by a replica"
        return f"{text}; how long the other would have taken is not known" if won else text


class _Sent:
    """One of the requests of a call."""

    def __init__(self, backend: Backend, body: bytes, sent_s: float, watch: Watch) -> None:
        self.backend = backend
        self.sent_s = sent_s
        self.marks = Marks(start_s=sent_s)
        self._watch = watch
        self.task = asyncio.create_task(backend.chat(body, self._note))

    def _note(self, marks: Marks) -> None:
        self.marks = marks
        self._watch(marks)

    @property
    def error(self) -> BackendError | None:
        """Return why it failed, None where it did not (yet)."""
        if not self.task.done() or self.task.cancelled():
            return None
        error = self.task.exception()
        return error if isinstance(error, BackendError) else None

    def result(self, first: Marks) -> Stream:
        """Return the stream, its marks counted from the first request of the call."""
        stream = self.task.result()
        if stream.marks is not first:
            stream.marks.start_s = first.start_s
            if first.connected_s is not None:
                stream.marks.connected_s = first.connected_s
        return stream


class _Race:
    """The requests of one call."""

    def __init__(self, body: bytes, now_s: Callable[[], float]) -> None:
        self.body = body
        self.sent: list[_Sent] = []
        self.winning: _Sent | None = None
        self._now_s = now_s

    def send(self, backend: Backend, watch: Watch = lambda marks: None) -> _Sent:
        """Send the request to one more endpoint."""
        self.sent.append(_Sent(backend, self.body, self._now_s(), watch))
        return self.sent[-1]

    async def winner(self) -> _Sent:
        """Wait for the first token of any; raises the first request's error where all fail."""
        while True:
            for one in self.sent:
                if one.task.done() and one.error is None:
                    return one
            waiting = [one.task for one in self.sent if not one.task.done()]
            if not waiting:
                await self.sent[0].task
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    async def close(self, but: _Sent | None = None) -> None:
        """Cancel all requests but one and close what they opened."""
        others = [one for one in self.sent if one is not but]
        for one in others:
            one.task.cancel()
        ended = await asyncio.gather(*(one.task for one in others), return_exceptions=True)
        for stream in ended:
            if not isinstance(stream, BaseException):
                await stream.aclose()
