"""The log of habits, one line per day: `2024-05-01: run, stretch`."""

from collections.abc import Iterable
from datetime import date


def read_log(lines: Iterable[str]) -> dict[str, set[date]]:
    """Return {habit: days} of a log; a day may have several lines."""
    habits: dict[str, set[date]] = {}
    for line in lines:
        if not line.strip():
            continue
        day, colon, names = line.partition(":")
        if not colon:
            raise ValueError(f"no colon in {line.strip()!r}")
        for name in names.split(","):
            if name.strip():
                habits.setdefault(name.strip(), set()).add(date.fromisoformat(day.strip()))
    return habits
