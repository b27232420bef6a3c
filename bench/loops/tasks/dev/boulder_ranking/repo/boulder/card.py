"""Score cards: what a climber did on each boulder, e.g. "T3z1", "z2" or "-".

"T3z1" is a top in the third attempt and the zone in the first; who has the top has the zone.
"""

import re
from dataclasses import dataclass

ENTRY = re.compile(r"(?:T(?P<top>\d+))?(?:z(?P<zone>\d+))?$")


@dataclass(frozen=True)
class Entry:
    """Attempts needed for top and zone, None where it was not reached."""

    top: int | None = None
    zone: int | None = None


def parse_entry(text):
    if text == "-":
        return Entry()
    match = ENTRY.match(text)
    if not text or match is None:
        raise ValueError(f"no such result: {text!r}")
    top = int(match["top"]) if match["top"] else None
    zone = int(match["zone"]) if match["zone"] else top
    return Entry(top, zone)


def parse_card(line):
    """Return (name, entries) of a line like "Mira Holt: T1 z2 -"."""
    name, _, results = line.partition(":")
    return name.strip(), [parse_entry(text) for text in results.split()]
