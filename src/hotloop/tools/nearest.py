"""The region of a file that is most similar to some lines."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import accumulate

import msgspec

_WORD = re.compile(r"\w+|[^\w\s]")
_COMPARED = 24


class Region(msgspec.Struct, frozen=True):
    """Lines `start` to `end` (from 0, end excluded), and how similar they are (0 to 1)."""

    start: int
    end: int
    ratio: float = 1.0


def nearest(lines: list[str], wanted: list[str], apart_from: Region | None = None) -> Region | None:
    """Return the most similar region of as many lines as `wanted`, or one more or less.

    Regions are ranked by shared words, in time linear in the file, and the best compared
    by `difflib` (Ratcliff/Obershelp), indentation left aside. None where no word is shared.
    """
    target = _stripped(wanted)
    ranked = heapq.nlargest(_COMPARED, _by_words(lines, wanted, apart_from))
    scored = (
        Region(
            start, end, SequenceMatcher(None, _stripped(lines[start:end]), target, False).ratio()
        )
        for score, start, end in ranked
        if score > 0
    )
    return max(scored, key=lambda region: region.ratio, default=None)


def _stripped(lines: list[str]) -> str:
    return "\n".join(line.strip() for line in lines if line.strip())


def _by_words(
    lines: list[str], wanted: list[str], apart_from: Region | None
) -> Iterator[tuple[float, int, int]]:
    target = Counter(word for line in wanted for word in _WORD.findall(line))
    words = [Counter(_WORD.findall(line)) for line in lines]
    sizes = [0, *accumulate(count.total() for count in words)]
    shared = [0, *accumulate((count & target).total() for count in words)]
    for height in range(max(len(wanted) - 1, 1), len(wanted) + 2):
        for start in range(len(lines) - height + 1):
            end = start + height
            if not (lines[start].strip() and lines[end - 1].strip()):
                continue
            if apart_from and start < apart_from.end and end > apart_from.start:
                continue
            size = sizes[end] - sizes[start] + target.total()
            yield 2 * (shared[end] - shared[start]) / max(size, 1), start, end
