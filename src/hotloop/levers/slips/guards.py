"""Missing guards: a case that a condition forgets, or that crashes a line, left out before it.

The templates follow those of repair by patterns (Liu et al., "TBar", ISSTA 2019): strengthen or
weaken a condition by one seen nearby, and insert a check of what the crashing line could not
stand, which then leaves the function or goes on with the loop.
"""

from __future__ import annotations

import builtins
import itertools
import re
from collections.abc import Iterator, Sequence

import msgspec

from hotloop.levers.slips.bare import Edit, Line, Listing

_CHAIN = r"[A-Za-z_]\w*(?:\.\w+|\[[\w.]+\])*"
_STRENGTHENED = 0.5
_WEAKENED = 0.35
_DROPPED = 0.5
_DEFAULT = 0.9
_LEFT = 0.8
_MOST_TERM = 60
_MOST_RETURNS = 2
_EMPTY = {
    "p": ("None", "[]", "0", '""', "False", "{}"),
    "j": ("null", "undefined", "[]", "0", '""', "false"),
}
_COMPARED = (("==", "!="), ("<=", ">"), (">=", "<"), ("!==", "==="), (" not in ", " in "))


class Crash(msgspec.Struct, frozen=True):
    """An exception: the offset of the line in the definition, and what it says."""

    offset: int
    message: str


def conditions(listing: Listing) -> Iterator[Edit]:
    """Yield conditions with a term of another one added, or one of their own dropped."""
    spans = [*_spans(listing)]
    terms = [*dict.fromkeys(one for span in spans for one in _terms(listing, span))]
    both, either = ("and", "or") if listing.is_python else ("&&", "||")
    for at, end in spans:
        own = listing.source[at:end]
        for term in terms:
            if term in own:
                continue
            for added in (_negated(listing, term), term):
                strict = f"{added} {both} {_held(own, either)}"
                yield Edit("strengthened", at, end, strict, _STRENGTHENED)
                yield Edit("weakened", at, end, f"{added} {either} {_held(own, both)}", _WEAKENED)
        yield from _dropped(listing, at, end)


def _spans(listing: Listing) -> Iterator[tuple[int, int]]:
    if listing.is_python:
        for found in re.finditer(r"\b(?:if|elif|while) ([^\n]+?)(?=:\s*$)", listing.bare, re.M):
            yield found.span(1)
        for found in re.finditer(r" if ([^\n:]+?)(?=[\])}]*$| else )", listing.bare, re.M):
            if " for " in listing.bare[listing.bare.rfind("\n", 0, found.start()) :][:200]:
                yield found.span(1)
        return
    for found in re.finditer(r"\b(?:if|while) (\()", listing.bare):
        closing = listing.closing(found.start(1))
        if closing > 0:
            yield found.end(), closing


def _terms(listing: Listing, span: tuple[int, int]) -> Iterator[str]:
    """Yield what `and` and `or` join in a condition, without a leading `not`."""
    for at, end in _parts(listing, *span):
        term = re.sub(r"^(?:not |!)\s*", "", listing.source[at:end].strip())
        if len(term) <= _MOST_TERM and re.search(r"[A-Za-z_]", term) and ":=" not in term:
            yield term


def _parts(listing: Listing, at: int, end: int) -> list[tuple[int, int]]:
    """Return the spans that `and`, `or`, `&&`, `||` part outside brackets."""
    parts: list[tuple[int, int]] = []
    depth, begin, place = 0, at, at
    while place < end:
        depth += (listing.bare[place] in "([{") - (listing.bare[place] in ")]}")
        found = re.compile(r" (?:and|or|&&|\|\|) ").match(listing.bare, place, end)
        if found and depth == 0:
            parts.append((begin, place))
            begin = found.end()
            place = begin
            continue
        place += 1
    return [*parts, (begin, end)]


def _dropped(listing: Listing, at: int, end: int) -> Iterator[Edit]:
    parts = _parts(listing, at, end)
    if len(parts) == 1:
        return
    yield Edit("dropped", at, parts[1][0], "", _DROPPED)
    for (_, before), (_, stop) in itertools.pairwise(parts):
        yield Edit("dropped", before, stop, "", _DROPPED)


def _negated(listing: Listing, term: str) -> str:
    for one, other in _COMPARED:
        for old, new in ((one, other), (other, one)):
            if re.search(rf"(?<![=!<>]){re.escape(old)}(?![=])", term) and " if " not in term:
                return term.replace(old, new, 1)
    if listing.is_python:
        return f"not {term}"
    return f"!{term}" if re.fullmatch(rf"{_CHAIN}(?:\([^()]*\))?", term) else f"!({term})"


def _held(text: str, operator: str) -> str:
    return f"({text})" if f" {operator} " in text else text


def guards(listing: Listing, crash: Crash) -> Iterator[Edit]:
    """Yield the definition with the crashing line guarded, or what it could not stand defaulted."""
    if listing.is_c:
        return
    line = next((one for one in listing.lines if one.start <= crash.offset <= one.end), None)
    if line is None or not line.bare:
        return
    yield from _defaults(listing, line, crash.message)
    yield from _handled(listing, line, crash.message)
    if not line.is_whole and not line.bare.endswith((":", "{")):
        return
    if line.bare.startswith(("elif", "else", "}", "case", "except")):
        return
    checks = [*dict.fromkeys(_checks(listing, line, crash.message))]
    for check in checks:
        for likelihood, leaving in _ways_out(listing, line):
            yield Edit(
                "guard", line.start, line.start, _guard(listing, line, check, leaving), likelihood
            )


def _guard(listing: Listing, line: Line, check: str, leaving: str) -> str:
    pad = listing.source[line.start : line.start + line.indent]
    if listing.is_python:
        step = pad[:1] if pad.startswith("\t") else "    "
        return f"{pad}if {check}:\n{pad}{step}{leaving}\n"
    return f"{pad}if ({check}) {leaving};\n"


def _handled(listing: Listing, line: Line, message: str) -> Iterator[Edit]:
    """Yield the crashing line in a `try`, with the ways out as what handles its exception."""
    raised = re.match(r"[A-Z]\w+", message)
    if not (listing.is_python and line.is_whole and raised and hasattr(builtins, raised[0])):
        return
    pad = listing.source[line.start : line.start + line.indent]
    step = "\t" if pad.startswith("\t") else "    "
    tried = f"{pad}try:\n{step}{listing.source[line.start : line.end]}"
    for likelihood, leaving in _ways_out(listing, line):
        text = f"{tried}\n{pad}except {raised[0]}:\n{pad}{step}{leaving}"
        yield Edit("handled", line.start, line.end, text, likelihood)


def _ways_out(listing: Listing, line: Line) -> Iterator[tuple[float, str]]:
    """Yield how a guard may leave, the likeliest first."""
    if _is_in_loop(listing, line):
        yield _LEFT, "continue"
    if re.search(r"\byield\b", listing.bare):
        yield _LEFT, "return"
        return
    others = re.findall(r"\breturn ([^\n;]+)", listing.source[: line.start])
    others += re.findall(r"\breturn ([\"'\[\]{}\w]+);?$", listing.source[line.start :], re.M)
    for other in [*dict.fromkeys(others)][:_MOST_RETURNS]:
        yield _LEFT, f"return {other}"
    for place, empty in enumerate(_EMPTY[listing.tag]):
        if empty not in others:
            yield _LEFT * 0.8 ** (place + 1), f"return {empty}"


def _is_in_loop(listing: Listing, line: Line) -> bool:
    indent = line.indent
    for one in reversed([one for one in listing.lines if one.bare and one.start < line.start]):
        if one.indent < indent:
            indent = one.indent
            if re.match(r"(?:async )?(?:for|while)\b", one.bare):
                return True
    return False


def _checks(listing: Listing, line: Line, message: str) -> Iterator[str]:
    """Yield conditions under which the line cannot stand what it gets, by the exception."""
    text = listing.source[line.start : line.end]
    if "KeyError" in message:
        for table, key in re.findall(rf"({_CHAIN})\[([^\[\]]+)\]", text):
            yield f"{key} not in {table}"
    elif "index out of range" in message:
        for table, index in re.findall(r"([A-Za-z_][\w.]*)\[([^\[\]:]+)\]", text):
            yield f"not {table}" if re.fullmatch(r"-?\d+", index) else f"{index} >= len({table})"
    elif "ZeroDivision" in message:
        for divisor in re.findall(rf"(?:/|//|%) ({_CHAIN}|len\({_CHAIN}\))", text):
            yield f"not {divisor}"
    elif missing := re.search(r"NoneType' object has no attribute '(\w+)'", message):
        for owner in re.findall(rf"({_CHAIN})\.{missing[1]}\b", text):
            yield f"{owner} is None"
    elif missing := re.search(r"of (?:undefined|null) \(reading '(\w+)'\)", message):
        for owner in _owners(text, missing[1]):
            yield f"!{owner}"
    elif re.search(r"NoneType|StopIteration|is empty|empty sequence|invalid literal", message):
        for name in _values(listing, line):
            yield f"not {name}"
    elif re.search(r"undefined|null", message) and not listing.is_python:
        for name in _values(listing, line):
            yield f"!{name}"


def _owners(text: str, member: str) -> list[str]:
    found = re.findall(rf"((?:this|[A-Za-z_]\w*)(?:\.\w+|\[[^\[\]]+\])*)\.{member}\b", text)
    return [*dict.fromkeys(found)]


def _values(listing: Listing, line: Line) -> list[str]:
    """Return the names and members that a line uses as values, not the functions it calls."""
    text = listing.bare[line.start : line.end].partition(" = ")
    used = re.findall(rf"(?<![\w.])({_CHAIN})(?![\w(\0])", text[2] or text[0])
    words = {
        "return",
        "for",
        "in",
        "if",
        "not",
        "and",
        "or",
        "while",
        "yield",
        "const",
        "let",
        "new",
    }
    return [*dict.fromkeys(one for one in used if one not in words)][:3]


def _defaults(listing: Listing, line: Line, message: str) -> Iterator[Edit]:
    """Yield the crashing line with a default instead of the exception."""
    found: list[tuple[str, Sequence[str]]] = []
    if "KeyError" in message:
        gets = [rf"\1.get(\2{rest})" for rest in ("", ", 0", ', ""', ", []", r", \2")]
        found.append((rf"({_CHAIN})\[([^\[\]]+)\](?! [-+]?= )", gets))
    if "index out of range" in message:
        nearest = [r"\1[min(\2, len(\1) - 1)]", r"\1[\2 % len(\1)]", r"\1[\2:\2 + 1]"]
        found.append((r"([A-Za-z_][\w.]*)\[([A-Za-z_][^\[\]:]*)\]", nearest))
    if "StopIteration" in message:
        found.append((r"\bnext\((.*)\)", [r"next(\1, None)", r"next(\1, 0)", r'next(\1, "")']))
    if "empty sequence" in message or "is empty" in message:
        found.append((r"\b(min|max)\((.*)\)", [r"\1(\2, default=0)", r"\1(\2, default=None)"]))
    if "ZeroDivision" in message:
        found.append((rf"(?<=[/%] )({_CHAIN})(?!\w|\()", [r"(\1 or 1)"]))
    if "invalid literal" in message or "could not convert string" in message:
        found.append((rf"\b(int|float)\(({_CHAIN})\)", [r"\1(\2 or 0)", r"\1(\2 or 1)"]))
    if "NoneType" in message:
        values = "|".join(re.escape(one) for one in _values(listing, line))
        found.append(
            (rf"(?<![\w.])({values})(?!\w|\()", [r"(\1 or 0)", r'(\1 or "")', r"(\1 or [])"])
        )
    if missing := re.search(r"of (?:undefined|null) \(reading '(\w+)'\)", message):
        found.append((rf"\.{missing[1]}\b", [f"?.{missing[1]}"]))
    text = listing.source[line.start : line.end]
    for pattern, instead in found:
        for match in re.finditer(pattern, text):
            for one in instead:
                at, end = line.start + match.start(), line.start + match.end()
                yield Edit("default", at, end, match.expand(one), _DEFAULT)
