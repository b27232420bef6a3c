"""Warn of floods and droughts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from rain.readings import Reading, daily_totals

FLOOD_MILLIMETRES = 30.0
DRY_MILLIMETRES = 0.2


def flood_days(readings: Iterable[Reading], limit: float = FLOOD_MILLIMETRES) -> list[date]:
    """Return the days with more rain than the limit."""
    totals = daily_totals(readings)
    return [day for day, amount in totals.items() if amount > limit]


def faulty_share(readings: Iterable[Reading]) -> float:
    """Return the share of readings that cannot be used, 0 where there are none."""
    marks = [reading.faulty for reading in readings]
    return sum(marks) / len(marks) if marks else 0.0


def is_drought(millimetres: Iterable[float], days: int = 14) -> bool:
    """Tell whether the last days were all dry."""
    last = list(millimetres)[-days:]
    return len(last) == days and all(amount <= DRY_MILLIMETRES for amount in last)
