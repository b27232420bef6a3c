"""A copy that was not made, and a last group that was not handed on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from hotloop.levers.slips.bare import Edit, Line, Listing

_MUTATING = (
    r"\.(?:append|extend|insert|pop|popleft|remove|clear|sort|reverse|update|add|discard|setdefault"
    r"|push|shift|unshift|splice|delete|set|fill)\("
)
_ALIAS = re.compile(
    r"^[ \t]*(?:const |let |var )?(\w+) = ((?:self\.|this\.)?\w+)(?=;|$)", re.MULTILINE
)
_LOOP = re.compile(
    r"^[ \t]*for (?:\(?(?:const |let )?)\w+ (?:in|of) ((?:self\.|this\.)?\w+)(?=[:)])", re.MULTILINE
)
_RETURNED = re.compile(r"^[ \t]*return ((?:self|this)\.\w+)(?=;|$)", re.MULTILINE)
_MUTATED = 1.0
_GIVEN_AWAY = 0.3
_RESET = re.compile(r"(\w+) = (?:\[\w*\]|list\(\)|\{\}|\0\0|0|new \w+\(\));?$")
_HANDED_ON = re.compile(
    r"(?:yield\b|[\w.]+\.(?:append|push|add|extend)\(|[\w.]+\[.*\] [+]?= |[\w.]+ \+= )"
)
_LOST_GROUP = 1.2


def copies(listing: Listing) -> Iterator[Edit]:
    """Yield copies of what is changed under another name, in a loop over it, or given away."""
    if listing.is_c:
        return
    for found in _ALIAS.finditer(listing.bare):
        if any(_is_mutated(listing, name, found.end()) for name in found.group(1, 2)):
            yield from _copied(listing, found.span(2), "alias", _MUTATED)
    for found in _LOOP.finditer(listing.bare):
        if _is_mutated(listing, found[1], found.end()):
            yield from _copied(listing, found.span(1), "loop", _MUTATED)
    for found in _RETURNED.finditer(listing.bare):
        yield from _copied(listing, found.span(1), "returned", _GIVEN_AWAY)


def _is_mutated(listing: Listing, name: str, since: int) -> bool:
    word = re.escape(name)
    pattern = rf"(?<![\w.]){word}(?:{_MUTATING}|\[[^\n=]*\] [-+*/]?= )|\b(?:del|delete) {word}\["
    return re.search(pattern, listing.bare[since:]) is not None


def _copied(
    listing: Listing, span: tuple[int, int], kind: str, likelihood: float
) -> Iterator[Edit]:
    name = listing.source[slice(*span)]
    forms = ("list({})", "dict({})") if listing.is_python else ("[...{}]", "{{ ...{} }}")
    as_dict = re.search(rf"{re.escape(name)}\.(?:items|keys|values|get|update)\(", listing.bare)
    for form in reversed(forms) if as_dict else forms:
        yield Edit(f"{kind} {form}", *span, form.format(name), likelihood)
        likelihood /= 2


def lost_groups(listing: Listing) -> Iterator[Edit]:
    """Yield the hand-over of a group, which a loop makes at each border, behind the loop too."""
    lines = [line for line in listing.lines if line.bare]
    for before, reset in itertools.pairwise(lines):
        found = _RESET.match(reset.bare)
        if found is None or before.indent != reset.indent or listing.is_c:
            continue
        if not _HANDED_ON.match(before.bare) or not re.search(rf"\b{found[1]}\b", before.bare):
            continue
        loop = _loop_around(lines, before)
        if loop is None:
            continue
        last = _contiguous(lines, loop)
        yield from _handed_on(listing, loop, last, before, found[1])


def _handed_on(listing: Listing, loop: Line, last: Line, line: Line, group: str) -> Iterator[Edit]:
    pad = listing.source[loop.start : loop.start + loop.indent]
    statement = listing.source[line.start + line.indent : line.end]
    if listing.is_python:
        step = " " * (line.indent - loop.indent) if line.indent - loop.indent < 4 else "    "
        text = f"\n{pad}if {group}:\n{pad}{step}{statement}"
    else:
        text = f"\n{pad}if ({group}.length) {statement}"
    yield Edit("lost group", last.end, last.end, text, _LOST_GROUP)
    yield Edit("lost group", last.end, last.end, f"\n{pad}{statement}", _LOST_GROUP / 2)


def _loop_around(lines: list[Line], inner: Line) -> Line | None:
    indent = inner.indent
    for line in reversed([one for one in lines if one.start < inner.start]):
        if line.indent < indent:
            indent = line.indent
            if re.match(r"(?:async )?(?:for|while)\b", line.bare):
                return line
    return None


def _contiguous(lines: list[Line], loop: Line) -> Line:
    """Return the last line of a loop, its closing brace included."""
    last = loop
    for line in lines:
        if line.start <= loop.start:
            continue
        if line.indent <= loop.indent:
            return line if line.bare == "}" and line.indent == loop.indent else last
        last = line
    return last
