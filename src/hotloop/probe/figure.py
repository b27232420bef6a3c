"""A measured figure: what was found, how often, how widely it spreads and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

Sure = Literal["high", "low", "none"]
ENOUGH = 5
"""Samples from which a median is `high`; below it is `low`, whatever the spread."""
WIDE = 0.5
"""An interquartile range above this share of the median makes a figure `low`."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution in short. The unit stands in the name of the field that holds it.

    `spread` is the interquartile range. `sure` says how far to trust the median, `why` the
    reason where it is not `high`. A p99 of fewer than 100 samples is close to their greatest.
    """

    count: int
    median: float
    p95: float
    p99: float
    least: float
    greatest: float
    spread: float
    sure: Sure
    why: str = ""


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values by linear interpolation (Hyndman and Fan, type 7)."""
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def figure(
    values: Sequence[float], *, enough: int = ENOUGH, sure: Sure | None = None, why: str = ""
) -> Figure | None:
    """Sum up values; None where there are none.

    `sure` and `why` override what number and spread of the values say.
    """
    ordered = sorted(values)
    if not ordered:
        return None
    median = quantile(ordered, 0.5)
    spread = quantile(ordered, 0.75) - quantile(ordered, 0.25)
    found, reason = _confidence(len(ordered), median, spread, enough)
    return Figure(
        count=len(ordered),
        median=median,
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        least=ordered[0],
        greatest=ordered[-1],
        spread=spread,
        sure=sure or found,
        why=why or ("" if sure == "high" else reason),
    )


def _confidence(count: int, median: float, spread: float, enough: int) -> tuple[Sure, str]:
    if count < 2:
        return "none", "one sample only"
    if count < enough:
        return "low", f"{count} samples, {enough} wanted"
    if abs(median) > 0 and spread > WIDE * abs(median):
        return "low", f"half of the samples spread over {spread / abs(median):.0%} of the median"
    return "high", ""
