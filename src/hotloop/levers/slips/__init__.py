"""Cheap candidates for a fix: the slips that are common in real one-line bug fixes, undone.

A wrong comparison, one too many or too few, another name of the same scope, a library call's
usual trap, a line in the wrong place. They cost a test run each and no model call. The kinds
follow the single-statement fixes counted by Karampatsis and Sutton ("How Often Do Single-Statement
Bugs Occur?", MSR 2020).

What counts is the order, for only some dozens of candidates are affordable. Each kind of slip has
a likelihood, and its places in a definition share it: weight = likelihood / sqrt(places). A sum
with twenty numbers says little about each, an unused name says much about the one place for it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from hotloop.levers.slips.bare import Edit, Listing
from hotloop.levers.slips.borrowed import borrowed
from hotloop.levers.slips.copies import copies, lost_groups
from hotloop.levers.slips.guards import Crash, conditions, guards
from hotloop.levers.slips.names import names
from hotloop.levers.slips.rules import operators
from hotloop.levers.slips.statements import statements


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A slip undone: the new text, where it differs first, and its likelihood among slips."""

    text: str
    offset: int
    weight: float


def slips(
    source: str,
    start: int = 0,
    language: str = "python",
    crash: Crash | None = None,
    beside: Sequence[str] = (),
) -> Iterator[Slip]:
    """Yield what the definition `source` becomes with one slip undone, behind the offset `start`.

    `language` is as `language_of` names it; what is neither Python nor JavaScript is read as C.
    `crash` is an exception on one of its lines, if there was one; `beside` are the other methods
    of its class.
    Comments are left alone, and strings but for those that separate. Not all texts need be valid.
    """
    listing = Listing(source, language)
    edits = [
        one
        for one in itertools.chain(
            operators(listing),
            names(listing),
            statements(listing),
            copies(listing),
            lost_groups(listing),
            conditions(listing),
            guards(listing, crash) if crash else (),
            borrowed(listing, beside),
        )
        if one.start >= start and source[one.start : one.end] != one.text
    ]
    places = Counter(one.kind for one in edits)
    for one in edits:
        changed = source[: one.start] + one.text + source[one.end :]
        yield Slip(text=changed, offset=one.start, weight=_weight(one, places[one.kind]))


def _weight(edit: Edit, places: int) -> float:
    return edit.likelihood / places**0.5
