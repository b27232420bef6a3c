"""Extract a function: what two functions of a file both spell out becomes one that both call.

"Pull this out into f" names the result and leaves the work, which is mechanical: find the largest
code that two places have in common, make what differs its parameters, and call it in both. For a
small model it is the hardest kind of task (several places at once), for a syntax tree the easiest.
Where the parameters are named, code that stands in one place only may be it, too. Python only.
"""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from hotloop.errors import ToolError
from hotloop.levers.extraction.likeness import Likeness, Scope, likeness
from hotloop.levers.extraction.pieces import LEAST_NODES, PieceOfCode, Span, owners, pieces
from hotloop.levers.extraction.writing import (
    Lines,
    call_edits,
    call_text,
    function_text,
    parameter_names,
)
from hotloop.workspace.definitions import replace_definitions

_MOST_PAIRS = 20_000
_MOST_TEXTS = 12
_MOST_PARAMETERS = 4
_HOLE_NODES = 2
_SINGLE = 0.001


@dataclass(frozen=True)
class Wanted:
    """The function to be made. `parameters` are as the goal spells them, None where it does not.

    `holder` is the class that it is to be a method of, if any; `words` are those of the goal, which
    may name the functions that are to use it.
    """

    name: str
    parameters: tuple[str, ...] | None = None
    holder: str = ""
    words: frozenset[str] = frozenset()


@dataclass
class _Shared:
    """One template and the pieces of code that are like it, with what stands in its holes."""

    pieces: list[PieceOfCode]
    likenesses: list[Likeness]

    @property
    def common(self) -> Likeness:
        """Return the likeness of the first two pieces."""
        return self.likenesses[0]

    def promise(self, wanted: Wanted) -> float:
        """Return how many nodes need no longer be written, times what the goal says for it.

        Code of one place, which saves none, comes behind all that stands in several.
        """
        written = _HOLE_NODES * len(self.common.holes)
        saved = (self.common.size - written) * len(self.likenesses)
        callers = sum(one.owner.node.name in wanted.words for one in self.pieces)
        stand = {text.rpartition(".")[2] for hole in self.common.holes for text in hole}
        is_named = stand.issuperset(wanted.parameters or ["-"])
        single = 1.0 if len(self.pieces) > 1 else _SINGLE
        return single * saved * (1 + callers / len(self.pieces)) * (1.5 if is_named else 1.0)

    @property
    def names(self) -> frozenset[str]:
        """Return the names in the template, which no parameter may be called."""
        piece = self.pieces[0]
        holes = [one for pairs in self.common.holes.values() for one, _ in pairs]
        handed = {id(part) for one in holes for part in ast.walk(one)}
        parts = (part for node in piece.nodes for part in ast.walk(node) if id(part) not in handed)
        kept = frozenset(part.id for part in parts if isinstance(part, ast.Name))
        return (kept | piece.bound) - {one for one, _ in self.common.holes if one in piece.rebound}

    def values(self, at: int) -> list[str]:
        """Return what stands in the holes of a piece, in the template's order."""
        if at == 0:
            return [one for one, _ in self.common.holes]
        return [other for _, other in self.likenesses[at - 1].holes]


def extracted(path: str, source: str, wanted: Wanted) -> list[str]:
    """Return what the file becomes with code of several places made the function `wanted`.

    The texts that save the most code come first; empty where there are none, and for a file that
    is not Python.
    """
    if not path.endswith(".py"):
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    found = sorted(_shared(tree, wanted), key=lambda one: -one.promise(wanted))
    texts = (text for one in found for text in _texts(path, source, one, wanted))
    return list(itertools.islice(dict.fromkeys(texts), _MOST_TEXTS))


def _shared(tree: ast.Module, wanted: Wanted) -> Iterator[_Shared]:
    alike: dict[tuple[object, ...], list[PieceOfCode]] = defaultdict(list)
    for owner in owners(tree):
        is_hidden = not wanted.holder and wanted.name in owner.local
        if is_hidden or (wanted.holder and owner.holder != wanted.holder):
            continue  # there it could not be called
        for piece in pieces(owner):
            alike[piece.kind].append(piece)
    tries = itertools.count()
    for some in alike.values():
        for at, first in enumerate(some):
            templates: dict[object, _Shared] = {}
            yield from _alone(first, wanted)
            for second in some[at + 1 :]:
                if next(tries) > _MOST_PAIRS:
                    return
                for common in _commons(first, second, wanted):
                    shared = templates.setdefault(common.template, _Shared([first], []))
                    if not any(one.overlaps(second) for one in shared.pieces):
                        shared.pieces.append(second)
                        shared.likenesses.append(common)
            yield from (one for one in templates.values() if one.likenesses)


def _alone(piece: PieceOfCode, wanted: Wanted) -> Iterator[_Shared]:
    """Yield what one place alone could be, where it reads what the parameters are called."""
    for common in _commons(piece, piece, wanted) if wanted.parameters else ():
        if {one.rpartition(".")[2] for one, _ in common.holes} == set(wanted.parameters or ()):
            yield _Shared([piece], [common])


def _commons(first: PieceOfCode, second: PieceOfCode, wanted: Wanted) -> Iterator[Likeness]:
    for is_lifting in (False, True):
        scopes = (_scope(first, wanted, is_lifting), _scope(second, wanted, is_lifting))
        common = likeness(first.nodes, second.nodes, scopes)
        if common is not None and _fits(common, wanted):
            yield common


def _scope(piece: PieceOfCode, wanted: Wanted, is_lifting: bool) -> Scope:
    own = {"self"} if wanted.holder else set[str]()
    return Scope(piece.owner.local - own, piece.bound, piece.rebound, is_lifting)


def _fits(common: Likeness, wanted: Wanted) -> bool:
    if common.size < LEAST_NODES:
        return False
    count = len(common.holes)
    parameters = wanted.parameters
    return count <= _MOST_PARAMETERS and (parameters is None or count == len(parameters))


def _texts(path: str, source: str, shared: _Shared, wanted: Wanted) -> Iterator[str]:
    lines = Lines(source)
    for names in _orders(shared, wanted):
        order = sorted(range(len(names)), key=lambda at: _place(names[at], wanted))
        edits: list[tuple[Span, str]] = []
        for at, piece in enumerate(shared.pieces):
            values = shared.values(at)
            edits += call_edits(piece, call_text(wanted, [values[one] for one in order]))
        body = function_text(lines, shared.pieces[0], shared.common, names)
        parameters = ", ".join([*_self(wanted), *(names[at] for at in order)])
        code = f"def {wanted.name}({parameters}):\n{body}"
        changed = lines.replaced(edits)
        try:
            ast.parse(changed)  # an `elif` is no statement that a call could stand for
            yield replace_definitions(path, changed, _in_class(code, wanted.holder))[0]
        except (SyntaxError, ToolError):
            continue


def _orders(shared: _Shared, wanted: Wanted) -> Iterator[list[str]]:
    """Yield the parameters' names, hole by hole: by what stands there, else in their order."""
    holes, taken = list(shared.common.holes), shared.names
    if wanted.parameters is None:
        yield parameter_names(holes, taken)
        return
    if taken & {*wanted.parameters}:
        return
    free = [*wanted.parameters]
    named: dict[int, str] = {}
    for at, hole in enumerate(holes):
        for name in (text.rpartition(".")[2] for text in hole):
            if name in free and at not in named:
                named[at] = name
                free.remove(name)
    others = [at for at in range(len(holes)) if at not in named]
    for order in itertools.permutations(free):
        given = named | dict(zip(others, order, strict=True))
        yield [given[at] for at in range(len(holes))]


def _place(name: str, wanted: Wanted) -> int:
    return wanted.parameters.index(name) if wanted.parameters is not None else 0


def _self(wanted: Wanted) -> list[str]:
    return ["self"] if wanted.holder else []


def _in_class(code: str, holder: str) -> str:
    if not holder:
        return code
    return f"class {holder}:\n" + "".join(f"    {line}\n" for line in code.split("\n"))
