"""A month of a habit as a row of boxes."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date


def month_row(days: Iterable[date], year: int, month: int) -> str:
    """Return one sign for each day of a month: '#' where the habit was kept."""
    kept = set(days)
    _, length = monthrange(year, month)
    return "".join("#" if date(year, month, day) in kept else "." for day in range(1, length + 1))


def percent(days: Iterable[date], year: int, month: int) -> int:
    """Return the share of days of a month on which the habit was kept, in whole percent."""
    row = month_row(days, year, month)
    return round(100 * row.count("#") / len(row))
