"""Readings of the scales under the beehives.

A line of the log is `2024-05-01 north 41.8`, or `2024-05-01 north 41.8 +super` where the
beekeeper put something on the hive or took it off, so that the step in weight is not honey.
"""

from datetime import date
from typing import NamedTuple


class Reading(NamedTuple):
    day: date
    hive: str
    kilos: float
    note: str = ""


def parse(lines):
    """Yield the readings of a log, whatever their order."""
    for line in lines:
        line = line.partition("#")[0].strip()
        if not line:
            continue
        day, hive, kilos, *note = line.split(maxsplit=3)
        yield Reading(date.fromisoformat(day), hive, float(kilos), *note)


def of_hive(readings, hive, since=None):
    """Return the readings of a hive by day, from a day on if one is given."""
    chosen = (reading for reading in readings if reading.hive == hive)
    return sorted(reading for reading in chosen if since is None or reading.day >= since)
