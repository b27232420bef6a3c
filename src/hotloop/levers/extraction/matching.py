"""Find code that several functions of a project both spell out."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from hotloop.levers.extraction.likeness import Likeness, Scope, likeness
from hotloop.levers.extraction.modules import Origin, Project
from hotloop.levers.extraction.piece import Owner, PieceOfCode
from hotloop.levers.extraction.pieces import LEAST_NODES, owners, pieces
from hotloop.levers.extraction.reading import binds

_MOST_PAIRS = 20_000
_MOST_PARAMETERS = 4
_HOLE_NODES = 2
_SINGLE = 0.001
_SEVERAL_RESULTS = 0.5
_NAMED = 2.0


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
class Shared:
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
        if isinstance(self.pieces[0].value, ast.Tuple) and not self.pieces[0].is_tail:
            single *= _SEVERAL_RESULTS
        return single * saved * (1 + callers / len(self.pieces)) * (_NAMED if is_named else 1.0)

    @property
    def names(self) -> frozenset[str]:
        """Return the names in the template."""
        piece = self.pieces[0]
        holes = [one for pairs in self.common.holes.values() for one, _ in pairs]
        handed = {id(part) for one in holes for part in ast.walk(one)}
        parts = (part for node in piece.nodes for part in ast.walk(node) if id(part) not in handed)
        kept = frozenset(part.id for part in parts if isinstance(part, ast.Name))
        return (kept | piece.bound) - {one for one, _ in self.common.holes if one in piece.rebound}

    @property
    def globals(self) -> frozenset[str]:
        """Return the names that the template reads from its module."""
        return self.names - self.pieces[0].bound - {"self"}

    @property
    def fixed(self) -> frozenset[str]:
        """Return the names of the template that cannot be called otherwise with ease."""
        parts = (part for node in self.pieces[0].nodes for part in ast.walk(node))
        own = {name for part in parts if not isinstance(part, ast.Name) for name in binds(part)}
        return self.globals | own

    def add(self, project: Project, piece: PieceOfCode, common: Likeness) -> None:
        """Add a piece, unless it has code in common with others, or its names mean other things."""
        if any(one.overlaps(piece) for one in self.pieces):
            return
        self.likenesses.append(common)
        here, there = self.pieces[0].owner.path, piece.owner.path
        if here != there and not all(project.means_same(one, here, there) for one in self.globals):
            self.likenesses.pop()
            return
        self.pieces.append(piece)

    def values(self, at: int) -> list[str]:
        """Return what stands in the holes of a piece, in the template's order."""
        if at == 0:
            return [one for one, _ in self.common.holes]
        return [other for _, other in self.likenesses[at - 1].holes]


def shared(project: Project, path: str, wanted: Wanted) -> Iterator[Shared]:
    """Yield what could be made the function `wanted` of the file `path`."""
    alike: dict[tuple[object, ...], list[PieceOfCode]] = defaultdict(list)
    for owner in _owners(project, path, wanted):
        for piece in pieces(owner):
            alike[piece.kind].append(piece)
    tries = itertools.count()
    for some in alike.values():
        for at, first in enumerate(some):
            templates: dict[object, Shared] = {}
            yield from _alone(first, wanted)
            for second in some[at + 1 :]:
                if next(tries) > _MOST_PAIRS:
                    return
                for common in _commons(first, second, wanted):
                    found = templates.setdefault(common.template, Shared([first], []))
                    found.add(project, second, common)
            yield from (one for one in templates.values() if one.likenesses)


def _owners(project: Project, path: str, wanted: Wanted) -> Iterator[Owner]:
    """Yield the functions that could call the one to be made."""
    for file, tree in project.trees.items():
        is_other = file != path
        if is_other and (project.reaches(path, file) or project.definition(file, wanted.name)):
            continue
        base = Origin(path, wanted.holder)
        for owner in owners(tree, file):
            if wanted.holder:
                can_call = bool(owner.holder) and project.derives(file, owner.holder, base)
            else:
                can_call = wanted.name not in owner.fixed
            if can_call:
                yield owner


def _alone(piece: PieceOfCode, wanted: Wanted) -> Iterator[Shared]:
    """Yield what one place alone could be, where it reads what the parameters are called."""
    parameters = wanted.parameters or ()
    read = {one for one in parameters if piece.mentions(one)}
    for common in _commons(piece, piece, wanted) if read and len(read) == len(parameters) else ():
        if {one.rpartition(".")[2] for one, _ in common.holes} == read:
            yield Shared([piece], [common])


def _commons(first: PieceOfCode, second: PieceOfCode, wanted: Wanted) -> Iterator[Likeness]:
    if not (first.may_share(second, LEAST_NODES) and first.is_sound and second.is_sound):
        return
    for is_lifting in (False, True):
        for is_coarse in (False, True):
            ways = (is_lifting, is_coarse)
            scopes = (_scope(first, wanted, *ways), _scope(second, wanted, *ways))
            common = likeness(first.nodes, second.nodes, scopes)
            if common is not None and _fits(common, wanted):
                yield common
            if common is None or not _has_too_many(common, wanted):
                break


def _scope(piece: PieceOfCode, wanted: Wanted, is_lifting: bool, is_coarse: bool) -> Scope:
    own = {"self"} if wanted.holder and not is_lifting else set[str]()
    local = piece.owner.local - own
    return Scope(local, piece.bound, piece.rebound, is_lifting, is_coarse)


def _has_too_many(common: Likeness, wanted: Wanted) -> bool:
    most = _MOST_PARAMETERS if wanted.parameters is None else len(wanted.parameters)
    return len(common.holes) > most


def _fits(common: Likeness, wanted: Wanted) -> bool:
    if common.size < LEAST_NODES:
        return False
    count = len(common.holes)
    parameters = wanted.parameters
    return count <= _MOST_PARAMETERS and (parameters is None or count == len(parameters))
