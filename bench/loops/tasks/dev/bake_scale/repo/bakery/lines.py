"""Read one line of a recipe."""

import re
from fractions import Fraction
from typing import NamedTuple

from bakery.units import canonical

LINE = re.compile(
    r"(?P<whole>\d+(?!/))?\s*(?P<part>\d+/\d+)?\s+(?P<unit>[A-Za-z]+\.?)\s+(?P<what>.+)"
)


class Item(NamedTuple):
    amount: Fraction
    unit: str
    what: str


def read_item(line):
    """Return the item of a line such as '1 1/2 cups rye flour'."""
    match = LINE.fullmatch(line.strip())
    if match is None or not (match["whole"] or match["part"]):
        raise ValueError(f"cannot read {line!r}")
    amount = Fraction(match["whole"] or 0) + Fraction(match["part"] or 0)
    return Item(amount, canonical(match["unit"]), match["what"])
