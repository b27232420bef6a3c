"""A set of measured times and what to say of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Spans(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds measured `runs` times."""

    name: str
    runs: int
    median_ms: float
    least_ms: float
    p90_ms: float

    @classmethod
    def of(cls, name: str, seconds: Sequence[float]) -> Spans:
        """Sum up times given in seconds, of which there must be at least one."""
        ms = sorted(1_000 * value for value in seconds)
        return cls(
            name=name,
            runs=len(ms),
            median_ms=round(statistics.median(ms), 2),
            least_ms=round(ms[0], 2),
            p90_ms=round(ms[min(len(ms) - 1, int(0.9 * len(ms)))], 2),
        )

    def __str__(self) -> str:
        figures = f"{self.median_ms:9.1f} {self.least_ms:9.1f} {self.p90_ms:9.1f}"
        return f"{self.name:<52} {self.runs:>4} {figures}"


HEADER = f"{'ms':<52} {'runs':>4} {'median':>9} {'least':>9} {'p90':>9}"
