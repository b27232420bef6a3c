"""Read the rows of a knitting pattern.

A row is `k2, [yo, k2tog] 3 times, p4`: stitches with a count behind, and groups of them.
"""

import re
from collections.abc import Iterator

from knitting.stitches import STITCHES

PART = re.compile(r"\[(?P<group>[^\]]*)\]\s*(?P<often>[^,]*)|(?P<single>[^,\[\]]+)")
COUNTED = re.compile(r"(?P<name>[a-z]+)(?P<count>\d+)")


class PatternError(ValueError):
    """A row that cannot be read."""


def how_often(text: str) -> int:
    """Return the number of a repeat such as '3 times'."""
    number, _, word = text.partition(" ")
    if word != "times" or not number.isdigit():
        raise PatternError(f"how often is {text!r}?")
    return int(number)


def stitches_of(word: str) -> list[str]:
    """Return the names of the stitches of one word: 'k3' is three of them, 'k2tog' is one."""
    if word in STITCHES:
        return [word]
    match = COUNTED.fullmatch(word)
    if match is None or match["name"] not in STITCHES:
        raise PatternError(f"unknown stitch {word!r}")
    return [match["name"]] * int(match["count"])


def read_row(text: str) -> Iterator[str]:
    """Yield the name of every stitch of a row, groups written out."""
    for part in PART.finditer(text.lower()):
        if part["group"] is not None:
            inner = list(read_row(part["group"]))
            yield from inner * how_often(part["often"].strip())
        elif part["single"].strip():
            yield from stitches_of(part["single"].strip())
