"""Put the spans of a session on the clock again, at another backend's pace."""

from __future__ import annotations

import math

import msgspec

from hotloop.ledger.causes import Cause, Causes
from hotloop.ledger.pace import CallShape, Pace
from hotloop.ledger.timeline import CallFacts, Span, Timeline

_ROUNDS = 4
_SETTLED_S = 1e-3


class Times(msgspec.Struct, kw_only=True):
    """When a span is now. `cached_tokens` and `first_s` are those of a call.

    `guessed_s` is what a guess about its cached tokens, where none were reported, shortened it by.
    """

    start_s: float
    end_s: float
    first_s: float | None = None
    cached_tokens: int = 0
    guessed_s: float = 0.0


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The spans' new times, by index, and the session's new wall time."""

    times: list[Times]
    wall_s: float


def schedule(timeline: Timeline, causes: Causes, pace: Pace) -> Schedule:
    """Return when everything would be at a pace: calls take what it says, tools what they took.

    Calls that decode side by side slow each other down; how long depends on how long they
    overlap, so this is repeated until it settles (at most four times).
    """
    stretch: dict[int, float] = {}
    made = _Run(timeline, causes, pace, stretch).run()
    for _ in range(_ROUNDS if pace.share_cost else 0):
        stretch = _stretch(timeline, made, pace.share_cost)
        before_s = made.wall_s
        made = _Run(timeline, causes, pace, stretch).run()
        if abs(made.wall_s - before_s) < _SETTLED_S:
            break
    return made


class _Run:
    def __init__(
        self, timeline: Timeline, causes: Causes, pace: Pace, stretch: dict[int, float]
    ) -> None:
        self._timeline = timeline
        self._causes = causes
        self._pace = pace
        self._stretch = stretch
        self._times: list[Times] = []
        self._requests = 0
        self._last_end_s: float | None = None
        self._block = cache_block(timeline.spans)
        self._copies = _copies(timeline.spans)
        self._proved_s: list[float] = []

    def run(self) -> Schedule:
        spans = self._timeline.spans
        for span, cause in zip(spans, self._causes.starts, strict=True):
            start_s = self._at(cause)
            self._times.append(
                self._call(span, span.call, start_s) if span.call else self._tool(span, start_s)
            )
        wall_s = self._at(self._causes.end)
        for span, cause in zip(spans, self._causes.starts, strict=True):
            if cause.cuts:
                self._cut(span.index, self._times[cause.after[0]].end_s)
        if self._causes.end.cuts:
            self._cut(len(spans), self._times[self._causes.end.after[0]].end_s)
        for index, cause in self._causes.cancels.items():
            self._cancel(spans[index], cause, wall_s)
        return Schedule(times=self._times, wall_s=wall_s)

    def _at(self, cause: Cause) -> float:
        if cause.begun is None:
            ends = (self._times[index].end_s for index in cause.after)
            return max(ends, default=0.0) + cause.gap_s
        begun = self._times[cause.begun]
        if cause.streamed is None:
            return begun.start_s + cause.gap_s
        first_s = begun.end_s if begun.first_s is None else begun.first_s
        if cause.streamed < 1:
            return begun.start_s + cause.streamed * (first_s - begun.start_s)
        return first_s + (cause.streamed - 1) * (begun.end_s - first_s)

    def _tool(self, span: Span, start_s: float) -> Times:
        took_s = span.end_s - span.start_s
        if not _is_candidate(span):
            return Times(start_s=start_s, end_s=start_s + took_s)
        if len(self._proved_s) >= self._copies:
            start_s = max(start_s, sorted(self._proved_s)[-self._copies])
        self._proved_s.append(start_s + took_s)
        return Times(start_s=start_s, end_s=start_s + took_s)

    def _call(self, span: Span, call: CallFacts, start_s: float) -> Times:
        if call.error and not span.cancelled and not call.usage.output_tokens:
            return Times(start_s=start_s, end_s=start_s + span.end_s - span.start_s)
        number, self._requests = self._requests, self._requests + 1
        last_s = self._last_end_s
        shape = CallShape(
            number=number,
            input_tokens=call.usage.input_tokens,
            cached_tokens=cacheable(call, self._block),
            output_tokens=call.usage.output_tokens,
            structured=call.structured,
            fresh=call.fresh,
            idle_s=None if last_s is None else max(0.0, start_s - last_s),
            recorded=span,
        )
        took = self._pace.times(shape)
        cold = took
        if shape.cached_tokens and not call.usage.cached_tokens:
            cold = self._pace.times(msgspec.structs.replace(shape, cached_tokens=0))
        begin_s = self._slot_s(start_s)
        decoding_s = (took.end_s - took.first_s) * self._stretch.get(span.index, 1.0)
        first_s = begin_s + took.first_s
        end_s = first_s + decoding_s
        self._last_end_s = end_s if last_s is None else max(last_s, end_s)
        return Times(
            start_s=start_s,
            first_s=first_s,
            end_s=end_s,
            cached_tokens=took.cached_tokens,
            guessed_s=cold.first_s - took.first_s,
        )

    def _slot_s(self, start_s: float) -> float:
        """Return when the backend has room for another call."""
        ends = sorted(
            times.end_s
            for span, times in zip(self._timeline.spans, self._times, strict=False)
            if span.call and not span.cancelled and times.end_s > start_s
        )
        slots = self._pace.slots
        return start_s if len(ends) < slots else ends[len(ends) - slots]

    def _cut(self, until: int, at_s: float) -> None:
        """End the calls that still run when a candidate has won: nobody waits for them."""
        for span, times in zip(self._timeline.spans[:until], self._times, strict=False):
            if span.call and times.end_s > at_s:
                _end(times, at_s)

    def _cancel(self, span: Span, cause: Cause | None, wall_s: float) -> None:
        times = self._times[span.index]
        if cause is not None:
            _end(times, self._at(cause))
            return
        left_s = self._timeline.wall_s - span.end_s
        recorded_s = times.start_s + span.end_s - span.start_s
        _end(times, wall_s if left_s < 0.1 else recorded_s)


def _is_candidate(span: Span) -> bool:
    return span.tool is not None and span.tool.lever == "race" and not span.cancelled


def _copies(spans: list[Span]) -> int:
    """Return in how many copies of the workspace candidates were tested: how many at one time."""
    tested = [one for one in spans if _is_candidate(one)]
    beside = (sum(one.start_s <= at.start_s < one.end_s for one in tested) for at in tested)
    return max(beside, default=1)


def cache_block(spans: list[Span]) -> int:
    """Return the block size that cached tokens come in, 1 where they are exact or not told."""
    counts = [one.call.usage.cached_tokens for one in spans if one.call]
    block = math.gcd(*counts)
    return block if block % 16 == 0 and block else 1


def cacheable(call: CallFacts, block: int) -> int:
    """Return the input tokens of a call that a backend with a prefix cache can have in it.

    What was reported, which can be rounded down to whole blocks; where nothing was, what the
    requests before it held.
    """
    reported, possible = call.usage.cached_tokens, call.possible_tokens
    if possible is not None:
        most = possible if not reported else min(possible, reported + block - 1)
        reported = max(reported, most)
    return max(0, reported - call.colder_tokens)


def _end(times: Times, at_s: float) -> None:
    times.end_s = max(times.start_s, at_s)
    if times.first_s is not None and times.first_s > times.end_s:
        times.first_s = None


def _stretch(timeline: Timeline, made: Schedule, share_cost: float) -> dict[int, float]:
    windows = [
        (span.index, times.first_s, times.end_s)
        for span, times in zip(timeline.spans, made.times, strict=True)
        if span.call and times.first_s is not None
    ]
    stretch: dict[int, float] = {}
    for index, first_s, end_s in windows:
        others = (
            max(0.0, min(end_s, other_end_s) - max(first_s, other_s))
            for other, other_s, other_end_s in windows
            if other != index
        )
        # While another decodes too, each second does the work of 1 / (1 + cost) seconds alone.
        lost_s = sum(others) * share_cost / (1 + share_cost)
        if 0 < lost_s < end_s - first_s:
            stretch[index] = (end_s - first_s) / (end_s - first_s - lost_s)
    return stretch
