"""The monthly report."""

from __future__ import annotations

from collections.abc import Iterable

from rain.readings import Reading, daily_totals


def monthly_report(readings: Iterable[Reading]) -> str:
    """Return a line for each day with rain, and a last one for the sum."""
    totals = daily_totals(readings)
    lines = [f"{day:%d %b} {amount:6.1f} mm" for day, amount in totals.items() if amount]
    lines.append(f"total  {sum(totals.values()):6.1f} mm")
    return "\n".join(lines)
