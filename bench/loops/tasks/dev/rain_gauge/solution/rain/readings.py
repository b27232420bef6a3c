"""Readings of a rain gauge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple


class Reading(NamedTuple):
    when: datetime
    millimetres: float
    faulty: bool = False


def read_log(lines: Iterable[str]) -> Iterator[Reading]:
    """Yield the readings of lines like '2024-05-01T06:00 4.5'; a '?' marks a faulty one."""
    for line in lines:
        if not line.strip():
            continue
        when, amount = line.split()
        yield Reading(
            datetime.fromisoformat(when), float(amount.rstrip("?")), amount.endswith("?")
        )


def daily_totals(readings: Iterable[Reading]) -> dict[date, float]:
    """Return {day: millimetres} by day; faulty readings do not count."""
    totals: dict[date, float] = {}
    for reading in readings:
        if reading.faulty:
            continue
        day = reading.when.date()
        totals[day] = totals.get(day, 0.0) + reading.millimetres
    return dict(sorted(totals.items()))
