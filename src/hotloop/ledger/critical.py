"""The critical path of a session: the chain of spans that made its wall time."""

from __future__ import annotations

from typing import Literal

import msgspec

from hotloop.ledger.fold import Call, Summary, Tool

Category = Literal["connect", "prefill", "decode", "tools", "tests", "harness"]

CATEGORIES: tuple[Category, ...] = ("connect", "prefill", "decode", "tools", "tests", "harness")

_CLOCK_S = 1e-6


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the critical path, in seconds of the session."""

    category: Category
    label: str
    start_s: float
    end_s: float


class CriticalPath(msgspec.Struct, frozen=True, kw_only=True):
    """Segments from 0 to the wall time without gaps or overlaps, and what they add up to.

    `connect` is time without a connection to the endpoint: opening one, and trying again where
    an endpoint is down or refuses. `harness` is time in which neither the model nor a tool ran.
    """

    segments: list[Segment]
    seconds: dict[Category, float]
    shares: dict[Category, float]


class _Span(msgspec.Struct, frozen=True):
    """A stretch of one category, and of others from the moments in `turns` on."""

    label: str
    start_s: float
    end_s: float
    first: Category
    turns: tuple[tuple[float, Category], ...] = ()
    streams: bool = False

    def runs_at(self, now: float) -> bool:
        return self.start_s < now < self.end_s

    def parts(self, start_s: float, end_s: float) -> list[Segment]:
        parts: list[Segment] = []
        category, now = self.first, start_s
        for turn_s, after in self.turns:
            until_s = min(max(turn_s, now), end_s)
            parts.append(Segment(category=category, label=self.label, start_s=now, end_s=until_s))
            category, now = after, until_s
        return [*parts, Segment(category=category, label=self.label, start_s=now, end_s=end_s)]


_HARNESS = _Span("harness", 0.0, 0.0, "harness")


def critical_path(summary: Summary) -> CriticalPath:
    """Return the chain of spans that made the wall time, found from its end backwards.

    What came before a moment is the model call that streamed then and that the loop stood for
    (an eager tool starts while it streams), else the span that ended last. The time between is
    the harness's, unless something ran meanwhile. A model call nobody waited for is never on it.
    """
    wall_s = max(0.0, summary.wall_s)
    calls = [_call_span(call) for call in summary.calls if call.foreground]
    spans = [*calls, *(_tool_span(tool) for tool in summary.tools)]
    backwards: list[Segment] = []
    now = wall_s
    while now > 0:
        cause = _cause(spans, now)
        start_s, end_s = max(0.0, cause.start_s), min(cause.end_s, now)
        backwards.extend(reversed(_between(spans, end_s, now)))
        backwards.extend(reversed(cause.parts(start_s, end_s)))
        now = start_s
    segments = [part for part in reversed(backwards) if part.end_s > part.start_s]
    seconds: dict[Category, float] = dict.fromkeys(CATEGORIES, 0.0)
    for part in segments:
        seconds[part.category] += part.end_s - part.start_s
    shares: dict[Category, float] = {
        name: value_s / wall_s if wall_s else 0.0 for name, value_s in seconds.items()
    }
    return CriticalPath(segments=segments, seconds=seconds, shares=shares)


def _cause(spans: list[_Span], now: float) -> _Span:
    streaming = [span for span in spans if span.streams and span.runs_at(now)]
    if streaming:
        return min(streaming, key=lambda span: span.start_s)
    ended = [
        span
        for span in spans
        if span.end_s <= now + _CLOCK_S and span.start_s < min(span.end_s, now) and span.end_s > 0
    ]
    return max(ended, key=lambda span: (span.end_s, -span.start_s), default=_HARNESS)


def _between(spans: list[_Span], start_s: float, now: float) -> list[Segment]:
    running = [span for span in spans if span.runs_at(now)]
    meanwhile = min(running, key=lambda span: span.start_s, default=None)
    idle_end_s = max(start_s, meanwhile.start_s) if meanwhile else now
    idle = _HARNESS.parts(start_s, idle_end_s)
    return [*idle, *meanwhile.parts(idle_end_s, now)] if meanwhile else idle


def _call_span(call: Call) -> _Span:
    first_s = call.end_s if call.first_token_s is None else call.first_token_s
    turns: tuple[tuple[float, Category], ...] = (
        (call.connected_s, "prefill"),
        (first_s, "decode"),
    )
    return _Span(f"call {call.call}", call.start_s, call.end_s, "connect", turns, streams=True)


def _tool_span(tool: Tool) -> _Span:
    category: Category = "tests" if tool.is_test else "tools"
    return _Span(tool.name, tool.start_s, tool.end_s, category)
