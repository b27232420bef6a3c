"""One call of the probe: what was asked, what came back and when."""

from __future__ import annotations

import asyncio

import msgspec

from hotloop.backend.client import Client
from hotloop.backend.types import Delta, Finish, Report, TextDelta, ToolDelta
from hotloop.ledger.events import Marks, ServerTimings, Usage
from hotloop.probe.schemas import is_object

UNDER_WAY_PIECES = 6
PASSING = (408, 429, 502, 503, 504)
"""HTTP statuses of a server that may do the same later."""
TOGETHER_S = 2e-4
"""Pieces closer than this were read at once: they waited for each other on the way."""


class SeenCall(msgspec.Struct, kw_only=True):
    """A tool call in an answer. Times are monotonic; `pieces` counts fragments of arguments."""

    name: str = ""
    arguments: str = ""
    name_s: float | None = None
    closed_s: float | None = None
    pieces: int = 0


class Sample(msgspec.Struct, kw_only=True):
    """One call. `start_s` is when its last attempt began; all times are those of time.monotonic.

    `piece_s` holds when each piece of the answer came (text, reasoning or arguments).
    `next_step` is what a user may do about its error, `asked_wait_s` what the server asked to wait.
    `steady` is False where its times say nothing: it was retried, or follows a failure and thus
    opened a new connection.
    """

    asked_chars: int
    asked_tokens: int
    start_s: float = 0.0
    marks: Marks = msgspec.field(default_factory=Marks)
    usage: Usage | None = None
    timings: ServerTimings | None = None
    piece_s: list[float] = []
    text: str = ""
    reasoning: str = ""
    calls: list[SeenCall] = []
    finish: str = ""
    choices: int = 0
    scored: bool = False
    error: str = ""
    next_step: str = ""
    asked_wait_s: float | None = None
    status: int = 0
    timed_out: bool = False
    retries: int = 0
    steady: bool = True

    def late(self, limit_s: float) -> None:
        """Note that the answer had no end in time, and how far it came."""
        self.timed_out = True
        came = "nothing came"
        if self.piece_s:
            last_s = self.piece_s[-1] - self.start_s
            came = f"{len(self.piece_s)} pieces came, the last one after {last_s:.2f} s"
        self.error = f"no end of the answer within {limit_s:.3g} s ({came})"
        self.next_step = "look at the server's log; a slow server needs a longer --time"

    @property
    def ok(self) -> bool:
        """Whether the answer came whole."""
        return not self.error

    @property
    def refused(self) -> bool:
        """Whether the server turned down what was asked; hanging is no refusal."""
        return self.status >= 400 and self.status not in PASSING

    @property
    def timed(self) -> bool:
        """Whether its times can be used."""
        return self.ok and self.steady and self.first_s is not None

    @property
    def first_s(self) -> float | None:
        """Return when the first token came.

        A single token may be one that is not shown; then the end of the answer stands for it.
        """
        shown_s = self.marks.first_token_s
        return self.marks.end_s if shown_s is None and self.asked_tokens == 1 else shown_s

    @property
    def ttft_s(self) -> float:
        """Return the seconds to the first token; only of a `timed` sample."""
        return (self.first_s or 0.0) - self.start_s

    @property
    def latency_s(self) -> float:
        """Return the seconds to the end of the answer; only of a `timed` sample."""
        return (self.marks.end_s or 0.0) - self.start_s

    @property
    def headers_s(self) -> float:
        """Return the seconds from the last byte sent to the answer's headers."""
        sent_s = self.marks.sent_s or self.start_s
        return (self.marks.headers_s or sent_s) - sent_s

    @property
    def answer_chars(self) -> int:
        """Return the length of all that was answered."""
        called = sum(len(call.name) + len(call.arguments) for call in self.calls)
        return len(self.text) + len(self.reasoning) + called

    @property
    def arrivals(self) -> list[int]:
        """Return how many pieces came at once, one number for each time that something came.

        A server that is short of processor time, or that drafts, sends several pieces together.
        """
        counts: list[int] = []
        last_s = -1.0
        for at_s in self.piece_s:
            if counts and at_s - last_s < TOGETHER_S:
                counts[-1] += 1
            else:
                counts.append(1)
            last_s = at_s
        return counts

    def gaps_s(self) -> list[float]:
        """Return the seconds between one arrival and the next."""
        pairs = zip(self.piece_s, self.piece_s[1:], strict=False)
        return [gap for earlier, later in pairs if (gap := later - earlier) >= TOGETHER_S]

    def token_s(self, tokens: int, end_s: float | None = None) -> float | None:
        """Return the seconds per token after the first arrival; None where nothing came later.

        What came first was decoded before: its tokens are not counted. The last one was there at
        `end_s`, else with the last piece.
        """
        arrivals = self.arrivals
        if len(arrivals) < 2 or not tokens:
            return None
        pieces = len(self.piece_s)
        took_s = (end_s or self.piece_s[-1]) - self.piece_s[0]
        return took_s * pieces / tokens / (pieces - arrivals[0])


async def collect(
    client: Client, body: bytes, sample: Sample, begun: asyncio.Event | None = None
) -> None:
    """Make a call and read its answer to the end; `begun` is set when it is well under way.

    Raises BackendError where it breaks off.
    """
    taker = Taker(sample, begun)
    try:
        stream = await client.chat(body, take=taker.take)
        sample.marks = stream.marks
        try:
            await stream.ended()
        finally:
            await stream.aclose()
    finally:
        taker.done()


class Taker:
    """Puts an answer into a sample, piece by piece, as it comes."""

    def __init__(self, sample: Sample, begun: asyncio.Event | None = None) -> None:
        self._sample = sample
        self._piece_s = sample.piece_s
        self._begun = begun
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._choices: set[int] = set()

    def take(self, delta: Delta, at_s: float) -> None:
        """Take a piece that came at `at_s`."""
        sample = self._sample
        match delta:
            case TextDelta(text, channel, choice, scores):
                self._piece_s.append(at_s)
                self._choices.add(choice)
                if channel == "reasoning":
                    self._reasoning.append(text)
                elif not choice:
                    self._text.append(text)
                if scores:
                    sample.scored = True
            case ToolDelta():
                self._choices.add(delta.choice)
                _take_call(sample, delta, at_s)
            case Finish():
                sample.finish = delta.reason
            case Report():
                sample.usage = delta.usage or sample.usage
                sample.timings = delta.timings or sample.timings
        if self._begun is not None and len(self._piece_s) >= UNDER_WAY_PIECES:
            self._begun.set()

    def done(self) -> None:
        """Take note that the answer ended, or broke off."""
        sample = self._sample
        sample.text, sample.reasoning = "".join(self._text), "".join(self._reasoning)
        sample.choices = len(self._choices)


def _take_call(sample: Sample, delta: ToolDelta, now_s: float) -> None:
    while len(sample.calls) <= delta.index:
        sample.calls.append(SeenCall())
    call = sample.calls[delta.index]
    if delta.name:
        call.name += delta.name
        call.name_s = call.name_s or now_s
    if not delta.arguments:
        return
    sample.piece_s.append(now_s)
    call.pieces += 1
    call.arguments += delta.arguments
    if call.closed_s is None and call.arguments.rstrip().endswith("}"):
        call.closed_s = now_s if is_object(call.arguments) else None
