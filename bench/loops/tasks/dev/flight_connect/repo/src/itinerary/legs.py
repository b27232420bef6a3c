"""One flight of a journey."""

import re
from dataclasses import dataclass
from datetime import datetime

from itinerary.airports import crosses_border

PATTERN = re.compile(r"(?P<number>\w+) (?P<origin>[A-Z]{3})>(?P<destination>[A-Z]{3}) (\S+) (\S+)")


@dataclass(frozen=True)
class Leg:
    number: str
    origin: str
    destination: str
    departs: datetime
    arrives: datetime

    @property
    def international(self):
        return crosses_border(self.origin, self.destination)


def parse_leg(text):
    """Read `XY12 BOS>FRA 2025-03-01T18:05-05:00 2025-03-02T07:20+01:00`."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"not a leg: {text!r}")
    *_, departs, arrives = match.groups()
    return Leg(
        match["number"],
        match["origin"],
        match["destination"],
        datetime.fromisoformat(departs),
        datetime.fromisoformat(arrives),
    )
