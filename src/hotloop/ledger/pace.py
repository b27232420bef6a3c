"""How long a backend takes for a model call: what a recorded session is recomputed with."""

from __future__ import annotations

import statistics
from typing import Protocol

import msgspec

from hotloop.ledger.timeline import Span

_LEAST_TOKENS = 32


class CallShape(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a backend.

    `cached_tokens` are those that it can have in its cache, exact or estimated; `number` counts
    the requests from 0; `idle_s` is the time since the call before it (None: there was none).
    `recorded` is the call as it was.
    """

    number: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    structured: bool
    fresh: bool
    idle_s: float | None
    recorded: Span


class CallTimes(msgspec.Struct, frozen=True, kw_only=True):
    """First token and end of a call in seconds since it was begun, and its cached tokens."""

    first_s: float
    end_s: float
    cached_tokens: int


class Pace(Protocol):
    """The speed of a backend. `slots` calls run at once, each slows the others by `share_cost`."""

    slots: int
    share_cost: float

    def times(self, shape: CallShape) -> CallTimes:
        """Return how long a call takes alone."""
        ...


class RecordedPace:
    """The backend that a session was recorded on: each call takes as long as it did.

    Tokens that are no longer cached cost `prefill_tok_s` more each, where that rate is known.
    """

    slots = 1_000
    share_cost = 0.0

    def __init__(self, spans: list[Span]) -> None:
        self.prefill_tok_s = prefill_rate(spans)

    def times(self, shape: CallShape) -> CallTimes:
        """Return how long a call took, and longer by the prefill of what is not cached now."""
        span, call = shape.recorded, shape.recorded.call
        colder = call.colder_tokens if call else 0
        more_s = colder / self.prefill_tok_s if self.prefill_tok_s else 0.0
        first_s = call.first_token_s if call else None
        return CallTimes(
            first_s=(span.end_s if first_s is None else first_s) - span.start_s + more_s,
            end_s=span.end_s - span.start_s + more_s,
            cached_tokens=max(0, (call.usage.cached_tokens if call else 0) - colder),
        )


def prefill_rate(spans: list[Span]) -> float | None:
    """Return the prefill tokens per second that the calls show, None where they show none.

    As the server timed itself; else the slope of time to first token over input tokens that were
    not cached (least squares).
    """
    calls = [(one, one.call) for one in spans if one.call and not one.call.error]
    timings = [call.timings for _, call in calls if call.timings]
    tokens = sum(one.prompt_n or 0 for one in timings)
    took_ms = sum(one.prompt_ms or 0.0 for one in timings)
    if tokens >= _LEAST_TOKENS and took_ms > 0:
        return tokens / took_ms * 1000
    points = [
        (call.usage.input_tokens - call.usage.cached_tokens, call.first_token_s - one.start_s)
        for one, call in calls
        if call.usage.reported and call.first_token_s is not None
    ]
    counts = [count for count, _ in points]
    if len(points) < 2 or max(counts) - min(counts) < _LEAST_TOKENS:
        return None
    slope = statistics.linear_regression(counts, [time_s for _, time_s in points]).slope
    return 1 / slope if slope > 0 else None
