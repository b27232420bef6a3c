"""A straight line through measured times, robust against the few calls that are slower."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import combinations

import msgspec

from hotloop.probe.figure import quantile

Point = tuple[float, float]
APART = 0.05
"""Pairs of points closer together than this share of the range say nothing about the slope."""
LATEST = 5


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """`y = base + slope * x`, with the slopes and bases that single pairs and points give."""

    base: float
    slope: float
    slopes: list[float] = []
    bases: list[float] = []

    def at(self, x: float) -> float:
        """Return the line's value."""
        return self.base + self.slope * x


class Recent:
    """The latest few points of each size, so that a line through them is quick to fit."""

    def __init__(self) -> None:
        self._by_size: dict[int, deque[Point]] = {}

    def add(self, x: float, y: float) -> None:
        """Take a point; the oldest of about the same x goes."""
        size = size_class(x)
        self._by_size.setdefault(size, deque(maxlen=LATEST)).append((x, y))

    def points(self) -> list[Point]:
        """Return the points kept."""
        return [point for group in self._by_size.values() for point in group]


def size_class(x: float) -> int:
    """Return a number that values of about one size have in common: half octaves."""
    return round(2 * math.log2(max(x, 1.0)))


def median(values: Sequence[float]) -> float:
    """Return the median of values, of which there must be at least one."""
    return quantile(sorted(values), 0.5)


def quicker(values: Sequence[float]) -> float:
    """Return what the quicker ones of at least one value took: the lower quartile.

    Where calls are alike, slow ones are slow by chance; two of them have no middle, so the least.
    """
    return quantile(sorted(values), 0.25) if len(values) > 2 else min(values)


def fit_line(points: Sequence[Point]) -> Line | None:
    """Fit a line: the median of the slopes of all pairs; None without two different x.

    The base is the median of what the points with the smallest x leave over, where the slope's
    error is least. Source: H. Theil, 1950; P. K. Sen, 1968.
    """
    if not points:
        return None
    least, most = min(x for x, _ in points), max(x for x, _ in points)
    slopes = [
        (y2 - y1) / (x2 - x1)
        for (x1, y1), (x2, y2) in combinations(points, 2)
        if abs(x2 - x1) > APART * (most - least)
    ]
    if not slopes:
        return None
    slope = median(slopes)
    small = [(x, y) for x, y in points if x <= least + APART * (most - least)]
    near = small if len(small) >= 3 else sorted(points)[:3]
    bases = [y - slope * x for x, y in near]
    return Line(base=median(bases), slope=slope, slopes=slopes, bases=bases)
