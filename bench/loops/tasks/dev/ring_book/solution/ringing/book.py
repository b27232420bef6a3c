"""The book of a ringing station."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from ringing.sighting import Sighting


class UnknownRing(LookupError):
    """The ring was not given out by this station."""


class RingBook:
    """Which ring went to which species, and where the birds were seen since."""

    def __init__(self, rings: dict[str, str], sightings: Iterable[Sighting] = ()):
        self.rings = dict(rings)
        self._sightings: list[Sighting] = []
        for sighting in sightings:
            self.add(sighting)

    def add(self, sighting: Sighting) -> None:
        """Write a sighting into the book; they come in any order."""
        if sighting.ring not in self.rings:
            raise UnknownRing(sighting.ring)
        self._sightings.append(sighting)

    def days(self, ring: str) -> list[date]:
        """Return the days on which a bird was seen, each once, the first one first."""
        if ring not in self.rings:
            raise UnknownRing(ring)
        return sorted({sighting.day for sighting in self._sightings if sighting.ring == ring})

    def last_seen(self, ring: str) -> date | None:
        """Return the last day on which a bird was seen, None if it never was."""
        return max(self.days(ring), default=None)

    def longest_gap(self, ring: str) -> int | None:
        """Return the most days between two sightings in a row, None for less than two."""
        days = self.days(ring)
        gaps = ((later - day).days for day, later in zip(days, days[1:]))
        return max(gaps, default=None)

    def busiest_place(self) -> str | None:
        """Return the place with the most sightings."""
        places = Counter(sighting.place for sighting in self._sightings)
        return max(sorted(places), key=places.__getitem__, default=None)

    def never_seen(self) -> list[str]:
        """Return the rings that nobody has read since they were given out."""
        return sorted(self.rings.keys() - {sighting.ring for sighting in self._sightings})
