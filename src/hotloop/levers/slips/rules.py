"""Slips that a pattern finds: operators, conditions, bounds, signs, numbers, library calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from hotloop.levers.slips import library, tables
from hotloop.levers.slips.bare import Edit, Listing
from hotloop.levers.slips.tables import Rule

_NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?![\w.])")
_NEXT_TO = 0.4
_FACTOR = 0.15
_FACTORS = (10, 60, 100, 1000, 24)
_UNPACKED = re.compile(r"^[ \t]*(\w+(?:, \w+)+) = .*\.split\(([^(),]*)\)[^\n()]*$", re.MULTILINE)
_UNPACKING = 0.9
_NEGATABLE = re.compile(r"\b(?:if|while) (\()")
_NEGATED = 0.4
_LOST = re.compile(
    r"^[ \t]*(\w+)\.(?:strip|lstrip|rstrip|replace|lower|upper|trim|toUpperCase|toLowerCase|concat"
    r"|replaceAll|padStart|union|removesuffix|removeprefix|title)\(",
    re.MULTILINE,
)
_LOST_RESULT = 1.2
_KEY = re.compile(r"\b(?:key=)?lambda \w+: (\()|\breturn (\()(?=.*,)")
_KEY_SIGN = 0.5
_CONDITION = re.compile(r"\b(?:and|or|not|in|is|if|lambda|new)\b|&&|\|\||[<>?\0]|==|!=")
_LITERAL = re.compile(r"(?:^|[+-] ?|\W)(?:\d+|None|True|False|true|false|null|NULL|undefined)$")
_MADE = re.compile(r"[A-Z][a-z]\w*\(|(?:list|dict|set|str|tuple|sorted)\(")


def operators(listing: Listing) -> Iterator[Edit]:
    """Yield the slips of the tables, wrong numbers, and what needs to count brackets."""
    for pattern, rule, sees_strings in _compiled(listing.tag):
        for found in pattern.finditer(listing.source if sees_strings else listing.bare):
            if not sees_strings or _is_code(listing, found):
                text = listing.expanded(found, rule.instead)
                yield Edit(rule.pattern, found.start(), found.end(), text, rule.likelihood)
    yield from _ends(listing)
    yield from _numbers(listing)
    yield from _conditions(listing)
    yield from _key_signs(listing)
    for found in _UNPACKED.finditer(listing.bare):
        most = f"{listing.source[slice(*found.span(2))]}, {found[1].count(',')}"
        yield Edit("unpacked", *found.span(2), most, _UNPACKING)
    for found in _LOST.finditer(listing.bare):
        at = found.start(1)
        yield Edit("lost", at, at, f"{found[1]} = ", _LOST_RESULT)


@cache
def _compiled(tag: str) -> tuple[tuple[re.Pattern[str], Rule, bool], ...]:
    both = (*tables.PAIRS, *library.TWINS)
    pairs = [
        *both,
        *((other, one, weight, tags) for one, other, weight, tags in both),
        *tables.ONE_WAY,
    ]
    rules = [
        *tables.COMPARISONS,
        *tables.CONDITIONS,
        *tables.OFF_BY_ONE,
        *tables.SLICES,
        *tables.SIGNS,
        *library.LIBRARY,
        *tables.STRINGS,
        *(Rule(_literal(one), other, weight, tags) for one, other, weight, tags in pairs),
    ]
    return tuple(
        (re.compile(rule.pattern, re.MULTILINE), rule, "r" in rule.languages)
        for rule in rules
        if tag in rule.languages
    )


def _literal(text: str) -> str:
    """Return a pattern for `text` that does not match inside a word."""
    before, after = (r"(?<!\w)" * text[0].isalpha(), r"(?!\w)" * text[-1].isalnum())
    return before + re.escape(text) + after


def _is_code(listing: Listing, found: re.Match[str]) -> bool:
    """Say whether a match in the source begins in code, or is a string that begins there."""
    at = found.start()
    if listing.bare[at] != "\0":
        return True
    return listing.bare[max(0, at - 1)] != "\0" and listing.source[at] in "\"'"


def _ends(listing: Listing) -> Iterator[Edit]:
    """Yield one more and one less where a number ends, unless it cannot be a number."""
    ends: dict[int, tuple[float, float]] = {}
    for end in (one for one in tables.ENDS if listing.tag in one.languages):
        for found in re.finditer(end.pattern, listing.bare, re.MULTILINE):
            if not _is_no_number(listing, found.end()):
                ends.setdefault(found.end(), (end.too_few, end.too_many))
    for at, (too_few, too_many) in ends.items():
        yield Edit(f"too few {too_few}", at, at, " + 1", too_few)
        yield Edit(f"too many {too_many}", at, at, " - 1", too_many)


def _is_no_number(listing: Listing, end: int) -> bool:
    """Say whether what ends at `end` is a literal, a condition, or used as something else."""
    term = re.split(r"\breturn | [-+]?= |[,;:]", listing.operand(end))[-1].strip()
    if _CONDITION.search(term) or _LITERAL.search(term) or _MADE.match(term):
        return True
    return re.sub(r".*[^\w.]", "", term) in listing.not_numbers


def _numbers(listing: Listing) -> Iterator[Edit]:
    for found in _NUMBER.finditer(listing.bare):
        number = int(found[0])
        before = listing.bare[: found.start()].rstrip()
        same = {number + 1} if before.endswith(("<", ">=")) else set[int]()
        same |= {number - 1} if before.endswith((">", "<=")) else set[int]()
        for other in (number + 1, number - 1):
            if other >= 0 and other not in same:
                yield Edit("number", *found.span(), str(other), _NEXT_TO)
        for factor in _FACTORS if number > 1 else ():
            if number in _FACTORS and factor != number:
                yield Edit("unit", *found.span(), str(factor), _FACTOR)
        for other in (number * 10, number // 10) if number > 9 else ():
            yield Edit("digit", *found.span(), str(other), _FACTOR)


def _conditions(listing: Listing) -> Iterator[Edit]:
    """Yield whole conditions in brackets, negated."""
    for found in _NEGATABLE.finditer(listing.bare) if not listing.is_python else ():
        at, end = found.start(1), listing.closing(found.start(1))
        if end > 0:
            text = f"(!{listing.source[at : end + 1]})"
            yield Edit("negated", at, end + 1, text, _NEGATED)


def _key_signs(listing: Listing) -> Iterator[Edit]:
    """Yield sort keys with one part or the other sorted in the other direction."""
    for found in _KEY.finditer(listing.bare):
        parts = [
            at
            for at, _ in listing.arguments(found.end() - 1)
            if re.match(r"[a-z]", listing.bare[at]) and not listing.bare.startswith("not ", at)
        ]
        for at in parts:
            yield Edit("key", at, at, "-", _KEY_SIGN)
        for first in range(len(parts) - 1):
            begin, end = parts[first], parts[-1]
            inside = zip(parts[first:], parts[first + 1 :], strict=False)
            text = "".join(f"-{listing.source[at:next_at]}" for at, next_at in inside)
            yield Edit("keys", begin, end, f"{text}-", _KEY_SIGN)
