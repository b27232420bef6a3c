"""What a probe may take, what it is about to take, and how far it is."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hotloop.probe.parts import Part

DEFAULT_TIME_S = 60.0
DEFAULT_REQUESTS = 300
DEFAULT_INPUT_TOKENS = 600_000
DEFAULT_OUTPUT_TOKENS = 12_000


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Money per million tokens, in whatever currency the caller thinks in."""

    input_per_million: float = 0.0
    cached_per_million: float | None = None
    output_per_million: float = 0.0

    def of(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
        """Return what a number of tokens costs; cached ones are part of the input."""
        cached = self.cached_per_million
        cached = self.input_per_million if cached is None else cached
        fresh = input_tokens - cached_tokens
        spent = fresh * self.input_per_million + cached_tokens * cached
        return (spent + output_tokens * self.output_per_million) / 1e6


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a probe measures.

    `time_s`, `requests`, `input_tokens` and `output_tokens` bound it. `max_width` is the widest
    fan-out, `most_tokens` the longest prompt. `idle_s` are waits after which a cached prefix is
    looked for again; they come on top of `time_s`. `answer_s` is how long the first answer may
    take before the endpoint counts as hung. Prompts are drawn from `seed`; without one each run
    draws its own, so that nothing it sends can be in a cache already. `budget_s` is what the
    projected loop is held against.
    """

    time_s: float = DEFAULT_TIME_S
    requests: int = DEFAULT_REQUESTS
    input_tokens: int = DEFAULT_INPUT_TOKENS
    output_tokens: int = DEFAULT_OUTPUT_TOKENS
    max_width: int = 8
    most_tokens: int = 16_000
    idle_s: tuple[float, ...] = ()
    answer_s: float = 20.0
    seed: int | None = None
    prices: Prices | None = None
    budget_s: float = 20.0


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint to measure. Without a model, the first one that it lists."""

    base_url: str
    model: str = ""
    api_key: str = ""
    api_key_env: str = "OPENAI_API_KEY"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a probe may take; a slow endpoint is asked for far less."""

    time_s: float
    requests: int
    input_tokens: int
    output_tokens: int
    money: float | None


def plan(settings: Settings) -> Plan:
    """Return what a probe with these settings takes at most, before anything is sent."""
    prices = settings.prices
    tokens = (settings.input_tokens, 0, settings.output_tokens)
    return Plan(
        time_s=settings.time_s + sum(settings.idle_s),
        requests=settings.requests,
        input_tokens=settings.input_tokens,
        output_tokens=settings.output_tokens,
        money=prices.of(*tokens) if prices else None,
    )


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a probe is. `text` says what it does now, in a few words."""

    part: Part
    text: str
    elapsed_s: float
    time_s: float
    requests: int
    most_requests: int
    input_tokens: int
    output_tokens: int


OnProgress = Callable[[Progress], None]
"""Told before each request. Must not raise and must return quickly."""
