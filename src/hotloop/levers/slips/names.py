"""Another name of the same scope instead of a name; one that is bound and never used above all."""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from hotloop.levers.slips.bare import Edit, Listing

_USE = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?![\w(])(?!\s*:=)")
_MEMBER = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?:\.|->)([A-Za-z_]\w*)(?![\w(])")
_HEAD = re.compile(r"\b(?:def|function\*?|async)?\s*\w*\s*(\()")
_BOUND = {
    "p": re.compile(
        r"^[ \t]*((?:\w+, )*\w+)(?:: [^=\n]+)? [-+*/|&]?=(?!=)|\bfor ([\w, ()]+?) in\b|\bas (\w+)"
        r"|(\w+) :=|\blambda ([\w, ]+):",
        re.MULTILINE,
    ),
    "j": re.compile(
        r"\b(?:const|let|var) (\w+)|\b(?:const|let|var) [\[{]([\w, :]+)[\]}]|(\w+) =>"
        r"|\(((?:\w+, )*\w+)\) =>"
    ),
    "c": re.compile(
        r"\b(?:int|char|long|short|unsigned|double|float|bool|size_t|\w+_t|struct \w+|[A-Z]\w+)"
        r"[ \t*]+(\w+)(?= ?[=;,\[])"
    ),
}
_KEYWORDS = frozenset(
    {
        *keyword.kwlist,
        *(
            "const",
            "let",
            "var",
            "function",
            "return",
            "new",
            "typeof",
            "undefined",
            "null",
            "this",
        ),
        *("true", "false", "of", "switch", "case", "default", "throw", "catch", "do", "void"),
        *(
            "int",
            "char",
            "long",
            "short",
            "unsigned",
            "double",
            "float",
            "bool",
            "struct",
            "static",
        ),
        *("size_t", "NULL", "sizeof", "self", "cls", "int", "str", "list", "dict", "set", "tuple"),
        *("async", "await", "export", "instanceof", "delete", "super", "print", "enum", "union"),
    }
)
_SIGN = r"[-*/%<>+]"
_UNUSED = 1.5
_ALIKE = 0.9
_OTHER = 0.5
_MEMBERS = 0.6
_RECEIVERS = 0.4


class Binding(NamedTuple):
    """Where a name is bound first, and the span that it is known in."""

    at: int
    begin: int
    end: int


def names(listing: Listing) -> Iterator[Edit]:
    """Yield uses of a name that another name of the scope could stand for."""
    bound = _bound(listing)
    unused = {name for name in bound if _is_unused(listing, name, bound)}
    traits = {name: _traits(listing, name) for name in bound}
    for found in _USE.finditer(listing.bare):
        name, at = found[0], found.start()
        if name not in bound or bound[name].at == at or _is_binding(listing, found):
            continue
        for other, binding in bound.items():
            if other == name or not binding.begin <= at < binding.end or binding.at >= at:
                continue
            if _same_line(listing, binding.at, at) or traits[name].isdisjoint(traits[other]):
                continue
            kind, likelihood = _likelihood(name, other, unused)
            yield Edit(kind, *found.span(), other, likelihood)
    yield from _members(listing)


def _is_unused(listing: Listing, name: str, bound: dict[str, Binding]) -> bool:
    """Say whether a name is bound and not used in its span; a lambda's own name is another."""
    binding = bound[name]
    if name.startswith("_"):
        return False
    uses = [
        found.start()
        for found in re.finditer(rf"(?<![\w.]){name}(?!\w)", listing.bare)
        if binding.begin <= found.start() < binding.end
        and not any(at <= found.start() < end for at, end in _own_spans(listing, name, binding))
    ]
    return len(uses) <= 1


def _own_spans(listing: Listing, name: str, binding: Binding) -> Iterator[tuple[int, int]]:
    """Yield the lambdas and comprehensions that bind a name that is bound outside, too."""
    for found in re.finditer(rf"\b(?:lambda|for) [\w, ]*\b{name}\b|\b{name} =>", listing.bare):
        span = listing.enclosing(found.start())
        is_loop = not listing.bare[span[0] : found.start()].strip()
        if not is_loop and not span[0] <= binding.at < span[1]:
            yield span


def _traits(listing: Listing, name: str) -> set[str]:
    """Return what a name is used as; everything, where nothing is known."""
    word = rf"(?<![\w.]){name}(?!\w)"
    tests = {
        "object": rf"{word}(?:\.|->)[A-Za-z_]",
        "table": rf"{word}\[|\b(?:in|of) {word}(?=[:)\] ])|\blen\({word}|\b{name} = [\[{{]",
        "number": rf"{word} {_SIGN}=? |{_SIGN}=? {word}|\brange\(.*{word}|\b{name} = \d|\[{word}\]",
        "truth": rf"\b(?:if|not|and|or|while) {word}(?=:| and| or)|\b{name} = (?:[Tt]rue|[Ff]alse)",
    }
    found = {trait for trait, pattern in tests.items() if re.search(pattern, listing.bare)}
    return found or {*tests}


def _likelihood(name: str, other: str, unused: set[str]) -> tuple[str, float]:
    if other in unused:
        return "unused name", _UNUSED
    if _are_alike(name, other):
        return "like name", _ALIKE
    return "name", _OTHER


def _are_alike(one: str, other: str) -> bool:
    """Say whether one is taken for the other: a plural, a counterpart, a common part."""
    parts = {*re.findall(r"[A-Z]?[a-z]+|\d+", one)}, {*re.findall(r"[A-Z]?[a-z]+|\d+", other)}
    if parts[0] & parts[1] or (
        min(len(one), len(other)) > 2 and (one.startswith(other) or other.startswith(one))
    ):
        return True
    return len(one) == len(other) == 1


def _bound(listing: Listing) -> dict[str, Binding]:
    """Return the names that are bound in a definition; the widest span where one is bound twice."""
    found: dict[str, Binding] = {}
    whole = len(listing.bare)
    head = _HEAD.search(listing.bare)
    if head is not None and "=" not in listing.bare[: head.start(1)].replace("=>", ""):
        for at, end in listing.arguments(head.start(1)):
            text = re.split(r"[:=]", listing.bare[at:end])[0]
            words = [*re.finditer(r"[A-Za-z_]\w*", text)]
            for word in words[-1:] if listing.is_c else words[:1]:
                found.setdefault(word[0], Binding(at + word.start(), 0, whole))
    for one in _BOUND[listing.tag].finditer(listing.bare):
        is_local = re.match(r"for |lambda ", one[0]) or "=>" in one[0]
        span = listing.enclosing(one.start()) if is_local else (0, whole)
        if is_local and not listing.bare[span[0] : one.start()].strip():
            span = (0, whole)
        for group in range(1, one.re.groups + 1):
            for word in re.finditer(r"[A-Za-z_]\w*", one[group] or ""):
                binding = Binding(one.start(group) + word.start(), *span)
                old = found.get(word[0])
                if old is None or (old.end - old.begin) < binding.end - binding.begin:
                    found[word[0]] = binding
    return {name: at for name, at in found.items() if name not in _KEYWORDS}


def _is_binding(listing: Listing, found: re.Match[str]) -> bool:
    """Say whether a name is bound here, or names an argument."""
    line = listing.bare[found.end() : listing.bare.find("\n", found.end())]
    before = listing.bare[listing.bare.rfind("\n", 0, found.start()) + 1 : found.start()]
    if re.match(r"\s*=(?![=>])", line):
        return not before.strip() or before.rstrip()[-1] in "(,"
    head = re.search(r"\b(?:for|lambda|const|let|var)\b([^=]*)$", before)
    return head is not None and not re.search(r"\b(?:in|of)\b|:", head[1])


def _same_line(listing: Listing, since: int, at: int) -> bool:
    """Say whether an assignment's own target would stand on its right side."""
    between = listing.bare[since:at]
    return "\n" not in between and bool(re.match(r"[\w, ]+ =(?!=)", between))


def _members(listing: Listing) -> Iterator[Edit]:
    """Yield another attribute of the same object, and the same attribute of another object."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    found = [*_MEMBER.finditer(listing.bare)]
    for one in found:
        seen[one[1]].add(one[2])
    for one in found:
        stands = listing.bare[one.end() : one.end() + 3]
        if re.match(r" = ", stands):
            continue
        for other in sorted(seen[one[1]] - {one[2]}):
            alike = 1.5 if _are_alike(one[2], other) else 1.0
            yield Edit("member", *one.span(2), other, _MEMBERS * alike)
        for receiver, attributes in sorted(seen.items()):
            if receiver != one[1] and one[2] in attributes:
                yield Edit("receiver", *one.span(1), receiver, _RECEIVERS)
