"""Does a pattern work out on the needles?"""

from collections.abc import Sequence

from knitting.pattern import read_row
from knitting.stitches import STITCHES


def balance(row: str) -> tuple[int, int]:
    """Return how many stitches a row needs and how many are there after it."""
    stitches = [STITCHES[name] for name in read_row(row)]
    return sum(s.takes for s in stitches), sum(s.leaves for s in stitches)


def problems(rows: Sequence[str], cast_on: int) -> list[str]:
    """Return one line for each row that does not fit to the row before it."""
    found = []
    on_needle = cast_on
    for number, row in enumerate(rows, start=1):
        needs, after = balance(row)
        if needs != on_needle:
            found.append(f"row {number} needs {needs} stitches, there are {on_needle}")
        on_needle = after
    return found
