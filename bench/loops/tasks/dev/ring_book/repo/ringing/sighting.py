"""Sightings of ringed birds, as the volunteers send them in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple


class Sighting(NamedTuple):
    ring: str
    day: date
    place: str

    @classmethod
    def parse(cls, line: str) -> Sighting:
        """Read 'AX1204; 2024-04-17; north pond'."""
        ring, day, place = (part.strip() for part in line.split(";"))
        return cls(ring.upper(), date.fromisoformat(day), place)


def read_sightings(text: str) -> Iterator[Sighting]:
    """Yield the sightings of a text; empty lines and lines with '#' are passed over."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield Sighting.parse(line)
