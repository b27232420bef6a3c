"""Another name of the same scope instead of a name; one that is bound and never used above all."""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from hotloop.levers.slips.bare import Edit, Listing

_USE = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?![\w(])(?!\s*:=)")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_TRAITS = tuple(
    (trait, re.compile(pattern))
    for trait, pattern in (
        ("object", r"(?<![\w.])([A-Za-z_]\w*)(?:\.|->)[A-Za-z_]"),
        ("table", r"(?<![\w.])([A-Za-z_]\w*)\["),
        ("table", r"\b(?:in|of|len\() ?([A-Za-z_]\w*)(?=[:)\] ])"),
        ("table", r"\b(\w+) = [\[{]"),
        ("number", r"(?<![\w.])([A-Za-z_]\w*) [-*/%<>+]{1,2}=? "),
        ("number", r"[-*/%<>+]=? ([A-Za-z_]\w*)\b(?![(.\[])"),
        ("number", r"\b(\w+) = \d"),
        ("number", r"\[([A-Za-z_]\w*)\]"),
        ("number", r"\brange\((?:[^()]*[ (])?([A-Za-z_]\w*)"),
        ("truth", r"\b(?:if|not|and|or|while) ([A-Za-z_]\w*)(?=:| and| or)"),
        ("truth", r"\b(\w+) = (?:[Tt]rue|[Ff]alse)"),
    )
)
_MEMBER = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?:\.|->)([A-Za-z_]\w*)(?![\w(])")
_HEAD = re.compile(r"\b(?:def|function)\b[ *]*\w*\(|^[^@=\n]*?\w\(", re.MULTILINE)
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
_LIKELIHOODS = {
    "unused beside it": 2.0,
    "unused": 1.5,
    "unused parameter": 1.0,
    "alike": 1.2,
    "beside it": 0.9,
    "other": 0.9,
}
_MEMBERS = 0.6
_RECEIVERS = 0.4


class Binding(NamedTuple):
    """Where a name is bound first, and the span that it is known in."""

    at: int
    begin: int
    end: int

    def knows(self, at: int) -> bool:
        """Say whether a place is in the span."""
        return self.begin <= at < self.end


class _Scope:
    """The names that a definition binds, where they stand, and what they are used as."""

    def __init__(self, listing: Listing) -> None:
        self.bindings: defaultdict[str, list[Binding]] = defaultdict(list)
        self.places: defaultdict[str, list[int]] = defaultdict(list)
        self.traits: defaultdict[str, set[str]] = defaultdict(set)
        for name, binding in _bindings(listing):
            if name not in _KEYWORDS:
                self.bindings[name].append(binding)
        for found in _WORD.finditer(listing.bare):
            self.places[found[0]].append(found.start())
        for trait, pattern in _TRAITS:
            for found in pattern.finditer(listing.bare):
                self.traits[found[1]].add(trait)
        self.widest = {name: max(all_, key=_width) for name, all_ in self.bindings.items()}
        self.line_of = {
            name: listing.bare.count("\n", 0, one.at) for name, one in self.widest.items()
        }
        head = min(self.line_of.values(), default=0)
        self.parameters = {name for name, line in self.line_of.items() if line == head}
        self.unused = {name for name in self.widest if self._is_unused(name)}

    def could_be(self, name: str, other: str) -> bool:
        """Say whether nothing speaks against using one name as the other is used."""
        one, two = self.traits.get(name), self.traits.get(other)
        return other in self.unused or not one or not two or not one.isdisjoint(two)

    def relation(self, name: str, other: str) -> str:
        """Return how the two names relate, the most telling that holds."""
        line = self.line_of[name] == self.line_of[other]
        if other in self.unused:
            if other in self.parameters:
                return "unused parameter"
            return "unused beside it" if line else "unused"
        return "alike" if _are_alike(name, other) else "beside it" if line else "other"

    def _is_unused(self, name: str) -> bool:
        """Say whether a name is bound and never used; a lambda's own name is another."""
        binding = self.widest[name]
        inner = [one for one in self.bindings[name] if _width(one) < _width(binding)]
        uses = [
            at
            for at in self.places[name]
            if binding.knows(at) and not any(one.knows(at) for one in inner)
        ]
        return len(uses) <= 1 and not name.startswith("_")


def names(listing: Listing) -> Iterator[Edit]:
    """Yield uses of a name that another name of the scope could stand for."""
    scope = _Scope(listing)
    for found in _USE.finditer(listing.bare):
        name, at = found[0], found.start()
        if name not in scope.widest or _is_binding(listing, found):
            continue
        if any(binding.at == at for binding in scope.bindings[name]):
            continue
        for other, binding in scope.widest.items():
            is_known = binding.knows(at) and (binding.begin > 0 or binding.at < at)
            if other == name or not is_known or _is_bound_by_it(listing, binding, at):
                continue
            if scope.could_be(name, other):
                relation = scope.relation(name, other)
                yield Edit(relation, *found.span(), other, _LIKELIHOODS[relation])
    yield from _members(listing)


def _width(binding: Binding) -> int:
    return binding.end - binding.begin


def _are_alike(one: str, other: str) -> bool:
    """Say whether one is taken for the other: a plural, a counterpart, a common part."""
    parts = {*re.findall(r"[A-Z]?[a-z]+|\d+", one)}, {*re.findall(r"[A-Z]?[a-z]+|\d+", other)}
    if parts[0] & parts[1] or (
        min(len(one), len(other)) > 2 and (one.startswith(other) or other.startswith(one))
    ):
        return True
    return len(one) == len(other) == 1


def _bindings(listing: Listing) -> Iterator[tuple[str, Binding]]:
    """Yield what a definition binds: parameters, variables, loop variables, those of lambdas."""
    whole = len(listing.bare)
    head = _HEAD.search(listing.bare)
    if head is not None:
        for at, end in listing.arguments(head.end() - 1):
            text = re.split(r"[:=]", listing.bare[at:end])[0]
            words = [*_WORD.finditer(text)]
            for word in words[-1:] if listing.is_c else words[:1]:
                yield word[0], Binding(at + word.start(), 0, whole)
    for one in _BOUND[listing.tag].finditer(listing.bare):
        begin, end = 0, whole
        if one[0].startswith(("for ", "lambda ")) or "=>" in one[0]:
            begin, end = listing.enclosing(one.start())
        if not listing.bare[begin : one.start()].strip():
            begin, end = 0, whole
        for group in range(1, one.re.groups + 1):
            for word in _WORD.finditer(one[group] or ""):
                yield word[0], Binding(one.start(group) + word.start(), begin, end)


def _is_binding(listing: Listing, found: re.Match[str]) -> bool:
    """Say whether a name is bound here, or names an argument."""
    line = listing.bare[found.end() : listing.bare.find("\n", found.end())]
    before = listing.bare[listing.bare.rfind("\n", 0, found.start()) + 1 : found.start()]
    if re.match(r"\s*=(?![=>])", line):
        return not before.strip() or before.rstrip()[-1] in "(,"
    head = re.search(r"\b(?:for|lambda|const|let|var)\b([^=]*)$", before)
    return head is not None and not re.search(r"\b(?:in|of)\b|:", head[1])


def _is_bound_by_it(listing: Listing, binding: Binding, at: int) -> bool:
    """Say whether the name gets its value from what stands at `at`."""
    between = listing.bare[binding.at : at]
    return "\n" not in between and bool(re.match(r"[\w, ]+ (?:=(?!=)|in|of) ", between))


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
        elsewhere = set[str]().union(*seen.values()) - seen[one[1]]
        for other in sorted(elsewhere):
            yield Edit("member elsewhere", *one.span(2), other, _RECEIVERS)
        for receiver, attributes in sorted(seen.items()):
            if receiver != one[1] and one[2] in attributes:
                yield Edit("receiver", *one.span(1), receiver, _RECEIVERS)
