"""The monthly report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from rain.readings import Reading


def monthly_report(readings: Iterable[Reading]) -> str:
    """Return a line for each day with rain, and a last one for the sum."""
    totals: dict[date, float] = {}
    for reading in readings:
        if reading.faulty:
            continue
        day = reading.when.date()
        totals[day] = totals.get(day, 0.0) + reading.millimetres
    totals = dict(sorted(totals.items()))
    lines = [f"{day:%d %b} {amount:6.1f} mm" for day, amount in totals.items() if amount]
    lines.append(f"total  {sum(totals.values()):6.1f} mm")
    return "\n".join(lines)
