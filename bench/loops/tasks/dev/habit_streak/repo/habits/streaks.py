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


def gaps(days: Iterable[date]) -> list[tuple[date, date]]:
    """Return (last day before, first day after) of every interruption."""
    ordered = sorted(set(days))
    return [
        (before, after)
        for before, after in zip(ordered, ordered[1:])
        if after - before > ONE_DAY
    ]
