"""Read the notation of a bead string: 'red2 (blue1 gold1)x3 red2'."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\s*(?:(\()|\)(?:x(\d*))?|([a-z]+)(\d*))")


class NotationError(ValueError):
    """A string that cannot be read."""


def threaded(text: str) -> list[str]:
    """Return the beads one by one; groups may contain groups."""
    beads, _ = _sequence(text.strip(), 0, nested=False)
    return beads


def _sequence(text: str, at: int, *, nested: bool) -> tuple[list[str], int]:
    beads: list[str] = []
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise NotationError(f"cannot read {text[at:]!r}")
        opening, times, bead, count = match.groups()
        at = match.end()
        if opening:
            group, at = _sequence(text, at, nested=True)
            beads += group
        elif bead:
            beads += [bead] * int(count or 1)
        elif nested:
            return beads * int(times or 1), at
        else:
            raise NotationError("a group ends that did not begin")
    if nested:
        raise NotationError("a group does not end")
    return beads, at
