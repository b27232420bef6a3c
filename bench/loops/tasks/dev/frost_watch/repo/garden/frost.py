"""Spells of frost in a series of readings."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby


@dataclass(frozen=True)
class Frost:
    begin: datetime
    end: datetime
    lowest: float

    @property
    def hours(self):
        """How long it froze, in hours."""
        return (self.end - self.begin).seconds / 3600

    def __str__(self):
        return f"{self.begin:%d.%m. %H:%M}, {self.hours:g} h, down to {self.lowest:g} °C"


def frosts(series):
    """Return the spells of frost of (moment, degrees) pairs, which are in order.

    A spell reaches from its first reading below zero to its last one.
    """
    spells = []
    for freezing, group in groupby(series, key=lambda reading: reading[1] < 0):
        if not freezing:
            continue
        moments, degrees = zip(*group)
        spells.append(Frost(moments[0], moments[-1], min(degrees)))
    return spells
