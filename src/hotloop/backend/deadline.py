"""Deadlines: each phase of a request has its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

import msgspec

T = TypeVar("T")


class PhaseTimeout(Exception):
    """A phase of a request took longer than its timeout."""

    def __init__(self, phase: str, seconds: float) -> None:
        super().__init__(phase, seconds)
        self.phase = phase
        self.seconds = seconds


class Due(msgspec.Struct, frozen=True):
    """When something must have happened: monotonic `at`, and the timeout it follows from."""

    at: float
    phase: str
    seconds: float


def due(phase: str, seconds: float, start: float | None = None) -> Due:
    """Return the deadline of a phase that begins at monotonic `start`, by default now."""
    return Due((time.monotonic() if start is None else start) + seconds, phase, seconds)


async def within(awaitable: Awaitable[T], limit: Due) -> T:
    """Await something until it is due. Raises PhaseTimeout."""
    try:
        async with asyncio.timeout_at(limit.at):
            return await awaitable
    except TimeoutError:
        raise PhaseTimeout(limit.phase, limit.seconds) from None
