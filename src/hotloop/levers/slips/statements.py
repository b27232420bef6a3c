"""Lines that are too many, in the wrong order, or in the wrong block."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from hotloop.levers.slips.bare import Edit, Line, Listing

_LEAVING = re.compile(r"(?:return|break|continue|raise|throw)\b")
_BINDING = re.compile(
    r"(?:(?:const|let|var|int|char|long|size_t|double) )?\*?(\w+)(?:\[.*\])? =(?!=)"
)
_DECLARING = re.compile(r"(?:const|let|var|int|char|long|size_t|double|unsigned|struct)\b")
_LABEL = re.compile(r"(?:case\b.*|default):")
_DELETED = 0.4
_SWAPPED = 0.4
_RETURN_OUT = 0.8
_RETURN_INTO = 0.2
_MOVED = 0.4
_BREAK = 1.0


def statements(listing: Listing) -> Iterator[Edit]:
    """Yield the definition with one line deleted, swapped with the next, or in another block."""
    lines = [line for line in listing.lines if line.bare]
    for number in range(1, len(lines)):
        around = lines[number - 1 : number + 2]
        line = lines[number]
        if _is_simple(listing, line):
            yield from _deleted(listing, lines, number)
            yield from _moved(listing, around)
        if len(around) == 3 and _is_simple(listing, line) and _is_simple(listing, around[2]):
            yield from _swapped(listing, line, around[2])
        yield from _broken_off(listing, around)


def _is_simple(listing: Listing, line: Line) -> bool:
    if not line.is_whole or line.bare[0] in ".&|?:+*)]}":
        return False
    if listing.is_python:
        return line.bare[-1] not in ":,\\([{" and not line.bare.startswith("@")
    return line.bare.endswith(";") and not line.bare.startswith(("for", "}"))


def _deleted(listing: Listing, lines: Sequence[Line], number: int) -> Iterator[Edit]:
    line, before = lines[number], lines[number - 1]
    after = lines[number + 1] if number + 1 < len(lines) else None
    is_alone = before.bare.endswith((":", "{")) and (after is None or after.indent < line.indent)
    binds = _BINDING.match(line.bare)
    is_first = binds is not None and binds[1] not in _words(listing.bare[: line.start])
    if is_alone or is_first or after is None or _DECLARING.match(line.bare):
        return
    yield Edit("deleted", line.start, min(line.end + 1, len(listing.source)), "", _DELETED)


def _swapped(listing: Listing, line: Line, after: Line) -> Iterator[Edit]:
    if line.indent != after.indent or _LEAVING.match(line.bare) or _LEAVING.match(after.bare):
        return
    shared = _words(line.bare) & _words(after.bare)
    binds = _BINDING.match(line.bare)
    is_new = binds is not None and binds[1] not in _words(listing.bare[: line.start])
    if not shared or (binds is not None and is_new and binds[1] in shared):
        return
    text = listing.source
    between = text[line.end : after.start]
    swapped = text[after.start : after.end] + between + text[line.start : line.end]
    yield Edit("swapped", line.start, after.end, swapped, _SWAPPED)


def _moved(listing: Listing, around: Sequence[Line]) -> Iterator[Edit]:
    """Yield a line moved out of the block that it ends, or into the block that ends before it."""
    before, line = around[0], around[1]
    after = around[2] if len(around) > 2 else None
    is_return = line.bare.startswith("return")
    out, into = (_RETURN_OUT, _RETURN_INTO) if is_return else (_MOVED, _MOVED)
    source = listing.source
    if not listing.is_python:
        yield from _moved_past_brace(listing, around, out, into)
        return
    if (after is None or after.indent < line.indent) and not before.bare.endswith(":"):
        for indent in itertools.islice(_open_indents(listing, line), 2):
            text = source[line.start : line.start + indent]
            yield Edit("moved", line.start, line.start + line.indent, text, out)
    if before.indent > line.indent:
        text = source[before.start : before.start + before.indent]
        yield Edit("moved", line.start, line.start + line.indent, text, into)


def _open_indents(listing: Listing, line: Line) -> Iterator[int]:
    """Yield the indentations of the blocks that a line could be moved out to, from the inside."""
    indent = line.indent
    above = [one for one in listing.lines if one.bare and one.start < line.start]
    for one in reversed(above[1:]):
        if one.indent < indent:
            indent = one.indent
            yield indent


def _moved_past_brace(
    listing: Listing, around: Sequence[Line], out: float, into: float
) -> Iterator[Edit]:
    source, line = listing.source, around[1]
    for brace, is_out in ((around[-1], True), (around[0], False)):
        if brace.bare != "}" or brace is line:
            continue
        if is_out and around[0].bare.endswith("{"):
            continue
        pad = source[brace.start : brace.start + brace.indent]
        statement = source[line.start + line.indent : line.end]
        closing = source[brace.start : brace.end]
        if is_out:
            text, span = f"{closing}\n{pad}{statement}", (line.start, brace.end)
        else:
            text, span = f"{pad}  {statement}\n{closing}", (brace.start, line.end)
        yield Edit("moved", *span, text, out if is_out else into)


def _broken_off(listing: Listing, around: Sequence[Line]) -> Iterator[Edit]:
    """Yield a `break` at the end of a case that falls through."""
    before, line = around[0], around[1]
    if listing.is_python or not _LABEL.match(line.bare) or _LABEL.match(before.bare):
        return
    if before.bare.endswith("{") or _LEAVING.match(before.bare):
        return
    pad = listing.source[before.start : before.start + before.indent]
    yield Edit("break", before.end, before.end, f"\n{pad}break;", _BREAK)


def _words(text: str) -> set[str]:
    return {*re.findall(r"[A-Za-z_]\w*", text)}
