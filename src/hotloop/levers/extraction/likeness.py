"""What two pieces of Python have in common: one template, and where it differs its holes.

Anti-unification (Plotkin, "A Note on Inductive Generalization", 1970) over syntax trees: nodes of
the same kind are compared part by part; where two expressions differ is a hole, the same hole for
the same pair. Names that a piece binds itself may be called otherwise in the other one.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

_BINDING = {(ast.arg, "arg"), (ast.ExceptHandler, "name"), (ast.FunctionDef, "name")}
_SMALL = 2
_REMEMBERED = 4096
_NO_VALUE = (ast.Slice, ast.Starred, ast.FormattedValue)


@dataclass(frozen=True)
class Scope:
    """A piece of code within a function whose own names are `local`.

    With `is_lifting`, an attribute of a local name is a hole as a whole. What is `rebound` is
    bound by the piece and read before: a hole and a name of the piece at once. With `is_coarse`,
    a small expression that differs in several parts is one hole.
    """

    local: frozenset[str]
    bound: frozenset[str]
    rebound: frozenset[str] = frozenset()
    is_lifting: bool = False
    is_coarse: bool = False


@dataclass
class Likeness:
    """The template that two pieces share: its size in nodes, holes by their expressions, and names.

    `holes` maps the source of both expressions to the pairs of nodes that stand there; `renamed`
    tells what a name bound in the first piece is called in the second.
    """

    holes: dict[tuple[str, str], list[tuple[ast.expr, ast.expr]]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    size: int = 0

    @property
    def template(self) -> frozenset[tuple[int, ...]]:
        """Return which nodes of the first piece are holes, and which of them the same one."""
        return frozenset(tuple(id(one) for one, _ in pairs) for pairs in self.holes.values())

    def copy(self) -> Likeness:
        """Return a likeness that can grow on its own."""
        holes = {key: list(pairs) for key, pairs in self.holes.items()}
        return Likeness(holes, dict(self.renamed), self.size)


def likeness(
    first: Sequence[ast.AST], second: Sequence[ast.AST], scopes: tuple[Scope, Scope]
) -> Likeness | None:
    """Return what two pieces have in common; None where they differ in more than expressions."""
    if len(first) != len(second):
        return None
    compared: Likeness | None = Likeness()
    for left, right in zip(first, second, strict=True):
        compared = _Comparison(scopes).nodes(left, right, compared)
        if compared is None:
            return None
    return _with_rebound(first, scopes, compared)


def _with_rebound(
    first: Sequence[ast.AST], scopes: tuple[Scope, Scope], compared: Likeness
) -> Likeness | None:
    """Add the names that are bound by the pieces and handed over as well."""
    one, other = scopes[0].rebound, scopes[1].rebound
    if {compared.renamed.get(name, "") for name in one} != {*other}:
        return None
    for name in sorted(one):
        parts = (part for node in first for part in ast.walk(node))
        named = [(part, part) for part in parts if isinstance(part, ast.Name) and part.id == name]
        compared.holes[name, compared.renamed[name]] = [*named]
    return compared


class _Comparison:
    def __init__(self, scopes: tuple[Scope, Scope]) -> None:
        self._one, self._other = scopes

    def nodes(self, one: ast.AST, other: ast.AST, so_far: Likeness) -> Likeness | None:
        """Return the likeness with two more nodes in it; None where they cannot be made one."""
        same = self._alike(one, other, so_far.copy())
        if same is not None and not self._is_coarse(same, so_far):
            return same
        if isinstance(one, ast.expr) and isinstance(other, ast.expr):
            return self._hole(one, other, so_far) or same
        return same

    def _is_coarse(self, same: Likeness, so_far: Likeness) -> bool:
        several = len(same.holes) > len(so_far.holes) + 1
        return self._one.is_coarse and several and same.size - so_far.size <= _SMALL

    def _alike(self, one: ast.AST, other: ast.AST, so_far: Likeness) -> Likeness | None:
        if type(one) is not type(other):
            return None
        if isinstance(one, ast.Name) and isinstance(other, ast.Name):
            return self._names(one, other, so_far)
        if self._is_lifted(one) or self._is_lifted(other):
            return None
        return self._fields(one, other, so_far)

    def _fields(self, one: ast.AST, other: ast.AST, so_far: Likeness) -> Likeness | None:
        so_far.size += 1
        compared: Likeness | None = so_far
        for name in one._fields:
            left, right = getattr(one, name, None), getattr(other, name, None)
            if (type(one), name) in _BINDING and self._renames(left, right, so_far):
                continue
            if isinstance(left, ast.Attribute) and isinstance(one, ast.Call) and name == "func":
                # A method is no value to hand over, though what it is called on may be one.
                is_method = isinstance(right, ast.Attribute)
                compared = self._fields(left, right, compared) if is_method else None
            elif isinstance(one, ast.JoinedStr) or name == "format_spec":
                compared = self._texts(left, right, compared)
            else:
                compared = self._parts(left, right, compared)
            if compared is None:
                return None
        return compared

    def _texts(self, one: object, other: object, so_far: Likeness) -> Likeness | None:
        """Compare what is in an f-string, where only the values between braces can be holes."""
        if isinstance(one, ast.AST) and isinstance(other, ast.AST):
            return self._alike(one, other, so_far)
        if not (isinstance(one, list) and isinstance(other, list)):
            return so_far if one == other else None
        some, others = cast("list[object]", one), cast("list[object]", other)
        compared: Likeness | None = so_far if len(some) == len(others) else None
        for left, right in zip(some, others, strict=False):
            compared = self._texts(left, right, compared) if compared else None
        return compared

    def _parts(self, one: object, other: object, so_far: Likeness) -> Likeness | None:
        if isinstance(one, list) and isinstance(other, list):
            return self._lists(cast("list[object]", one), cast("list[object]", other), so_far)
        if isinstance(one, ast.AST) and isinstance(other, ast.AST):
            return self.nodes(one, other, so_far)
        return so_far if one == other else None

    def _lists(self, some: list[object], others: list[object], so_far: Likeness) -> Likeness | None:
        compared: Likeness | None = so_far if len(some) == len(others) else None
        for one, other in zip(some, others, strict=False):
            if compared is None:
                return None
            compared = self._parts(one, other, compared)
        return compared

    def _names(self, one: ast.Name, other: ast.Name, so_far: Likeness) -> Likeness | None:
        if one.id in self._one.bound or other.id in self._other.bound:
            return so_far if self._renames(one.id, other.id, so_far) else None
        is_local = one.id in self._one.local or other.id in self._other.local
        if one.id != other.id or is_local:
            return None
        so_far.size += 1
        return so_far

    def _renames(self, one: object, other: object, so_far: Likeness) -> bool:
        if not (isinstance(one, str) and isinstance(other, str)):
            return False
        if one not in self._one.bound or other not in self._other.bound:
            return False
        known = so_far.renamed.setdefault(one, other)
        return known == other and list(so_far.renamed.values()).count(other) == 1

    def _is_lifted(self, node: ast.AST) -> bool:
        match node:
            case ast.Attribute(value=ast.Name(id=name)):
                return self._one.is_lifting and name in self._one.local | self._other.local
            case _:
                return False

    def _hole(self, one: ast.expr, other: ast.expr, so_far: Likeness) -> Likeness | None:
        is_value = isinstance(getattr(one, "ctx", ast.Load()), ast.Load)
        if not is_value or isinstance(one, _NO_VALUE) or isinstance(other, _NO_VALUE):
            return None
        if _uses(one, self._one.bound) or _uses(other, self._other.bound):
            return None
        result = so_far.copy()
        result.holes.setdefault((_source(one), _source(other)), []).append((one, other))
        return result


def _uses(node: ast.expr, names: frozenset[str]) -> bool:
    return not names.isdisjoint(_names(node))


@lru_cache(maxsize=_REMEMBERED)
def _source(node: ast.expr) -> str:
    return ast.unparse(node)


@lru_cache(maxsize=_REMEMBERED)
def _names(node: ast.expr) -> frozenset[str]:
    return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
