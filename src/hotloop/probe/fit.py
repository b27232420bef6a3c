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
GROWS = 0.05
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


def growth(points: Sequence[Point], base: float) -> tuple[float, float]:
    """Fit `y = base + a * x + b * x² / 2` to the quicker times of each size; return a and b.

    Attention makes a token of prefill dearer the more are before it: by `b` each. Least squares
    of relative errors; `b` is 0 where it would change the longest of at least three sizes by less
    than `GROWS`.
    """
    groups: dict[int, list[Point]] = {}
    for x, y in points:
        groups.setdefault(size_class(x), []).append((x, y))
    known = [
        (x, y / x)
        for group in groups.values()
        if (x := median([x for x, _ in group])) > 0
        and (y := quicker([y for _, y in group]) - base) > 0
    ]
    if not known:
        return 0.0, 0.0
    weights = [1 / each**2 for _, each in known]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, known, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, known, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, known, strict=True))
    rise = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, known, strict=True))
    b = 2 * rise / spread if spread else 0.0
    longest = max(x for x, _ in known)
    if len(known) < 3 or b * longest / 2 < GROWS * mean_y:
        return mean_y, 0.0
    return max(0.0, mean_y - b / 2 * mean_x), b


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
