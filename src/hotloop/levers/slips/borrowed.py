"""A change of an object's state that its other methods make, and this one forgot.

Most fixes are made of code that is in the file already (the plastic surgery hypothesis: Barr et
al., FSE 2014). What can be taken over as it stands are statements that only name the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hotloop.levers.slips.bare import Edit, Line, Listing

_CHANGE = re.compile(
    r"^[ \t]+((?:self|this)\.\w+(?: [-+]?= (?!.*[{(\[,]$).+|(?:\.\w+)*\([^()]*\));?)$", re.MULTILINE
)
_NAME = re.compile(r"(?<![\w.\"'])[a-z_]\w*")
_KNOWN = frozenset(
    ["self", "this", "new", "null", "true", "false", "undefined", "list", "dict", "set", "deque"]
)
_BORROWED = 0.8


def borrowed(listing: Listing, beside: Sequence[str]) -> Iterator[Edit]:
    """Yield the method with a change of state from one of the methods `beside` at either end."""
    if listing.is_c:
        return
    changes = [one for text in beside for one in _CHANGE.findall(text)]
    body = [one for one in listing.lines if one.bare and one.indent > 0]
    if not body:
        return
    for change in dict.fromkeys(changes):
        if _KNOWN.issuperset(_NAME.findall(change)) and change not in listing.source:
            for at in dict.fromkeys((_end(listing, body), body[0].start)):
                yield _inserted(listing, body[0], at, change)


def _end(listing: Listing, body: Sequence[Line]) -> int:
    """Return the offset behind the body's last line, or before it where it returns."""
    last = body[-1]
    if last.bare.startswith(("return", "raise", "throw")) and last.indent == body[0].indent:
        return last.start
    return min(last.end + 1, len(listing.source))


def _inserted(listing: Listing, first: Line, at: int, change: str) -> Edit:
    pad = listing.source[first.start : first.start + first.indent]
    begin = "" if at == 0 or listing.source[at - 1] == "\n" else "\n"
    end = "" if begin else "\n"
    return Edit("borrowed", at, at, f"{begin}{pad}{change}{end}", _BORROWED)
