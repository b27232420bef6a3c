"""Runs of days in a row."""

from collections.abc import Iterable
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)


def current_streak(days: Iterable[date], today: date) -> int:
    """Return for how many days in a row a habit was kept; today may still be missing."""
    kept = set(days)
    day = today if today in kept else today - ONE_DAY
    length = 0
    while day in kept:
        length += 1
        day -= ONE_DAY
    return length


def longest_streak(days: Iterable[date]) -> tuple[date, int] | None:
    """Return (first day, length) of the longest streak, the earliest of equals."""
    kept = set(days)
    best = None
    for first in sorted(day for day in kept if day - ONE_DAY not in kept):
        length = 1
        while first + length * ONE_DAY in kept:
            length += 1
        if best is None or length > best[1]:
            best = first, length
    return best


def gaps(days: Iterable[date]) -> list[tuple[date, date]]:
    """Return (last day before, first day after) of every interruption."""
    ordered = sorted(set(days))
    return [
        (before, after)
        for before, after in zip(ordered, ordered[1:])
        if after - before > ONE_DAY
    ]
