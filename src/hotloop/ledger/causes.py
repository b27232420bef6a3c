"""What each span of a session waited for before it began, read from order and from overlaps.

A span that begins while no model call streams began after everything that the loop had waited for
until then. One that begins inside a stream began at a share of it (an action that closed). What
ran beside the loop counts as waited for only where the loop stood still for it. The idea of
causal edges between spans, and what changes when one of them is shorter, is that of critical-path
analysis (Yang and Miller, 1988; "Coz", Curtsinger and Berger, 2015).
"""

from __future__ import annotations

import msgspec

from hotloop.ledger.events import Effect
from hotloop.ledger.timeline import Span, Timeline

_AT_ONCE_S = 0.005
_PROMPT_S = 0.02
_STILL_S = 0.1


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What had to be before a span began; `gap_s` later it did.

    `after` are spans that had to end, `begun` one that had to begin. `streamed` is a place in the
    answer of the call `begun`: from 0 to 1 before its first token, from 1 to 2 behind it.
    `cuts` says that what still ran before was ended by it: a candidate won.
    """

    after: tuple[int, ...] = ()
    begun: int | None = None
    streamed: float | None = None
    gap_s: float = 0.0
    cuts: bool = False


class Causes(msgspec.Struct, frozen=True, kw_only=True):
    """The causes of all spans, by index, that of the session's end, and of cancellations."""

    starts: list[Cause]
    end: Cause
    cancels: dict[int, Cause | None]


def find_causes(timeline: Timeline) -> Causes:
    """Return what each span waited for. A cancellation without a known cause maps to None."""
    finder = _Finder(timeline)
    starts = [finder.start(span) for span in timeline.spans]
    return Causes(
        starts=starts,
        end=finder.end(),
        cancels={span.index: finder.cancel(span) for span in timeline.spans if span.cancelled},
    )


class _Finder:
    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._spans = timeline.spans
        self._barrier = 0

    def start(self, span: Span) -> Cause:
        running = self._streaming(span)
        if running is not None:
            return self._within(span, running)
        if not span.waited and (anchor := self._beside(span)) is not None:
            return anchor
        return self._joined(span.start_s, span.opened, span)

    def end(self) -> Cause:
        return self._joined(self._timeline.wall_s, self._last_place + 1, None)

    def cancel(self, span: Span) -> Cause | None:
        done = [one for one in self._done(span.closed) if one.closed > span.opened]
        last = max(done, key=lambda one: one.closed, default=None)
        if last is None or span.end_s - last.end_s > _STILL_S:
            return None
        return Cause(after=(last.index,), gap_s=max(0.0, span.end_s - last.end_s))

    @property
    def _last_place(self) -> int:
        return max((span.closed for span in self._spans), default=0)

    def _streaming(self, span: Span) -> Span | None:
        """Return the call in whose stream a span began: its own, else the one of the loop."""
        around = [one for one in self._spans if one.call and one.opened < span.opened < one.closed]
        own = [one for one in around if _is_owned(span, one)]
        steps = [one for one in around if one.call and one.call.purpose == "step"]
        return next(iter([*own, *steps]), None)

    def _within(self, span: Span, call: Span) -> Cause:
        offset_s = max(0.0, span.start_s - call.start_s)
        if _is_owned(span, call):
            return Cause(begun=call.index, streamed=_share(call, span.start_s))
        if offset_s < _PROMPT_S:
            return Cause(begun=call.index, gap_s=offset_s)
        if (before := self._just_ended(span)) is not None:
            return Cause(after=(before.index,), gap_s=max(0.0, span.start_s - before.end_s))
        return Cause(begun=call.index, streamed=_share(call, span.start_s))

    def _just_ended(self, span: Span) -> Span | None:
        for one in self._done(span.opened):
            if not one.call and 0 <= span.start_s - one.end_s < _AT_ONCE_S:
                return one
        return None

    def _beside(self, span: Span) -> Cause | None:
        """Anchor what runs beside the loop to the tool that ran when it began."""
        for one in self._spans:
            if one.tool and one.waited and one.opened < span.opened < one.closed:
                return Cause(begun=one.index, gap_s=max(0.0, span.start_s - one.start_s))
        return None

    def _done(self, place: int) -> list[Span]:
        """Return the spans that had come to their own end at a place of the session."""
        return [
            one
            for one in self._spans
            if one.closed < place and not one.cancelled and one.index >= self._barrier
        ]

    def _joined(self, start_s: float, place: int, span: Span | None) -> Cause:
        done = self._done(place)
        winner = _winner(done)
        if winner is not None and (span is None or span.waited):
            if span is not None:
                self._barrier = span.index
            gap_s = max(0.0, start_s - winner.end_s)
            return Cause(after=(winner.index,), gap_s=gap_s, cuts=True)
        needed = [one for one in done if one.waited]
        needed += self._awaited(done, needed, start_s, span)
        last_s = max((one.end_s for one in needed), default=0.0)
        return Cause(after=tuple(one.index for one in needed), gap_s=max(0.0, start_s - last_s))

    def _awaited(
        self, done: list[Span], needed: list[Span], start_s: float, span: Span | None
    ) -> list[Span]:
        """Return what ran beside the loop and that it waited for, by rule or as was seen."""
        beside = [one for one in done if not one.waited]
        if not needed and span is not None and span.waited:
            return beside  # before the first call the loop waits for what it began
        held = [one for one in beside if _is_first_test(one) and _has_effect(span)]
        last_s = max((one.end_s for one in needed), default=0.0)
        seen = max(beside, key=lambda one: one.end_s, default=None)
        if seen is not None and seen.end_s > last_s + _PROMPT_S:
            held += [seen] if start_s - seen.end_s < _STILL_S else []
        return held


def _winner(done: list[Span]) -> Span | None:
    last = max(done, key=lambda one: one.closed, default=None)
    if last is None or last.tool is None or last.tool.lever != "race":
        return None
    return last if last.tool.green else None


def _is_first_test(span: Span) -> bool:
    return span.tool is not None and span.tool.is_prefetch


def _has_effect(span: Span | None) -> bool:
    """Say whether a span, or the session's end, has to know the first tests' outcome."""
    return span is None or (span.tool is not None and span.tool.effect is not Effect.NONE)


def _is_owned(span: Span, call: Span) -> bool:
    """Say whether a tool runs an action of a call."""
    if span.tool is None or call.call is None:
        return False
    return span.tool.owner == call.call.number


def _share(call: Span, at_s: float) -> float:
    first_s = call.call.first_token_s if call.call else None
    if first_s is None or at_s < first_s:
        whole_s = (call.end_s if first_s is None else first_s) - call.start_s
        return max(0.0, at_s - call.start_s) / whole_s if whole_s > 0 else 0.0
    whole_s = call.end_s - first_s
    return 1 + (min(1.0, (at_s - first_s) / whole_s) if whole_s > 0 else 1.0)
