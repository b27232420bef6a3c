"""A piece of Python code that could become a function of its own."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from hotloop.levers.extraction.paths import Leaf
from hotloop.levers.extraction.reading import binds, bound_names, reads

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[int, int]
Span = tuple[Place, Place]
_MARKS = (ast.expr_context, ast.operator, ast.cmpop, ast.unaryop, ast.boolop)
_WITH_MARK = 2


@dataclass(frozen=True)
class Owner:
    """A function, and the class that it is a method of, if any."""

    node: FunctionNode
    holder: str
    path: str = ""

    @cached_property
    def local(self) -> frozenset[str]:
        """Return the names that are the function's own."""
        return bound_names([self.node.args, *self.node.body])

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Return the function's own names that could not be called otherwise with ease."""
        parts = [self.node.args, *self.node.body]
        return frozenset(
            name
            for one in parts
            for part in ast.walk(one)
            if not isinstance(part, ast.Name)
            for name in binds(part)
        )

    @cached_property
    def _bindings(self) -> list[tuple[Place, str]]:
        return [
            ((part.lineno, part.col_offset), part.id)
            for part in ast.walk(self.node)
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
        ]

    def bound_before(self, place: Place) -> frozenset[str]:
        """Return the names that are parameters, or bound further up."""
        above = {name for at, name in self._bindings if at < place}
        return bound_names([self.node.args]) | above


@dataclass(frozen=True)
class PieceOfCode:
    """Statements in a row and the value that they lead to, in a function; either may be missing.

    The value is an expression of the statement behind them (`is_tail`), or the names that they
    bind and that are read behind. `returning` is what they are in a function of their own, where
    that is another form: with `leaves`, which assign here, as returns. `before` and
    `after` stand around the call.
    """

    owner: Owner
    statements: tuple[ast.stmt, ...] = ()
    value: ast.expr | None = None
    is_tail: bool = False
    before: str = ""
    after: str = ""
    returning: tuple[ast.stmt, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    behind: Place = (0, 0)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Return what is compared: the code as it stands in a function of its own."""
        value = (self.value,) if self.value else ()
        return (*(self.returning or self.statements), *value)

    @cached_property
    def bound(self) -> frozenset[str]:
        """Return the names that it binds."""
        return bound_names(self.nodes)

    @cached_property
    def rebound(self) -> frozenset[str]:
        """Return the names that it binds and that it may read as they were before."""
        return self.bound & reads(self.nodes)

    @cached_property
    def kind(self) -> tuple[object, ...]:
        """Return what must be the same for two pieces to be alike."""
        return tuple(_shape(node) for node in self.nodes)

    @cached_property
    def span(self) -> Span:
        """Return where it begins and ends: lines from 1, columns in bytes."""
        first = self.statements[0] if self.statements else self.value
        last = self.value if self.is_tail else self.statements[-1]
        assert first is not None
        assert last is not None
        return span_of(first)[0], span_of(last)[1]

    @cached_property
    def labels(self) -> Counter[object]:
        """Return what of it another piece can have as well, node by node."""
        parts = (part for node in self.nodes for part in ast.walk(node))
        return Counter(_label(part) for part in parts if not isinstance(part, _MARKS))

    def mentions(self, name: str) -> bool:
        """Say whether a variable or an attribute in it is called so."""
        return (ast.Name, name) in self.labels or (ast.Attribute, name) in self.labels

    def may_share(self, other: PieceOfCode, least: int) -> bool:
        """Say whether two pieces could have so many nodes in common."""
        few, many = sorted((self.labels, other.labels), key=len)
        shared = sum(min(count, many[one]) for one, count in few.items() if one in many)
        return shared * _WITH_MARK >= least

    @cached_property
    def is_sound(self) -> bool:
        """Say whether what it reads is there when it is called."""
        return not self.rebound or self.rebound <= self.owner.bound_before(self.span[0])

    def overlaps(self, other: PieceOfCode) -> bool:
        """Say whether two pieces have code in common."""
        if self.owner.path != other.owner.path:
            return False
        return self.span[0] < other.span[1] and other.span[0] < self.span[1]


def span_of(node: ast.stmt | ast.expr) -> Span:
    """Return where a node begins and ends."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset), end


def _label(node: ast.AST) -> object:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return (type(node), name)
        case ast.Constant(value=value):
            return (type(value), value)
        case _:
            return type(node)


def _shape(node: ast.AST) -> object:
    """Return what of a node cannot be a hole: statements as a whole, of expressions the top."""
    if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        blocks = (getattr(node, name, ()) for name in ("body", "orelse", "handlers", "finalbody"))
        inside = tuple(tuple(_shape(one) for one in block) for block in blocks)
        return (type(node), *inside)
    match node:
        case ast.Call(func=ast.Attribute(attr=name), args=some):
            return (ast.Call, name, len(some))
        case ast.Call(args=some):
            return (ast.Call, "", len(some))
        case ast.BinOp(op=op) | ast.UnaryOp(op=op):
            return (type(node), type(op))
        case ast.Compare(ops=some):
            return (ast.Compare, *map(type, some))
        case ast.Attribute(attr=name):
            return (ast.Attribute, name)
        case ast.JoinedStr(values=some) | ast.BoolOp(values=some) | ast.Dict(values=some):
            return (type(node), len(some))
        case _:
            return type(node)
