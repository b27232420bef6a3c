"""The pieces of Python code that could become a function of their own, and what they read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from hotloop.levers.extraction.likeness import bound_names

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BOUND_TO_PLACE = (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Global, ast.Nonlocal)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MOST_STATEMENTS = 12
LEAST_NODES = 6


@dataclass(frozen=True)
class Owner:
    """A function, and the class that it is a method of, if any."""

    node: FunctionNode
    holder: str

    @cached_property
    def local(self) -> frozenset[str]:
        """Return the names that are the function's own."""
        return bound_names([self.node])


@dataclass(frozen=True)
class PieceOfCode:
    """Statements in a row, or an expression, in a function.

    `results` are the names that it binds and that are read behind it.
    """

    owner: Owner
    body: Sequence[ast.stmt] | ast.expr
    results: frozenset[str] = frozenset()

    @cached_property
    def bound(self) -> frozenset[str]:
        """Return the names that it binds."""
        return bound_names(self.body)

    @property
    def kind(self) -> tuple[type[ast.AST], ...]:
        """Return what must be the same for two pieces to be alike."""
        body = (self.body,) if isinstance(self.body, ast.expr) else self.body
        return tuple(type(node) for node in body)

    @property
    def span(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return where it begins and ends: lines from 1, columns in bytes."""
        nodes = (self.body,) if isinstance(self.body, ast.expr) else self.body
        first, last = nodes[0], nodes[-1]
        end = (last.end_lineno or last.lineno, last.end_col_offset or last.col_offset)
        return (first.lineno, first.col_offset), end

    @property
    def returns(self) -> bool:
        """Say whether it ends the function that it is in."""
        return not isinstance(self.body, ast.expr) and isinstance(self.body[-1], ast.Return)

    def overlaps(self, other: PieceOfCode) -> bool:
        """Say whether two pieces have code in common."""
        return self.span[0] < other.span[1] and other.span[0] < self.span[1]


def owners(tree: ast.Module) -> Iterator[Owner]:
    """Yield a module's functions and methods; what is inside of these belongs to them."""
    for node in tree.body:
        if isinstance(node, FunctionNode):
            yield Owner(node, "")
        elif isinstance(node, ast.ClassDef):
            inside = (one for one in node.body if isinstance(one, FunctionNode))
            yield from (Owner(one, node.name) for one in inside)


def pieces(owner: Owner) -> Iterator[PieceOfCode]:
    """Yield what of a function could be taken out of it."""
    body = owner.node.body
    has_docstring = ast.get_docstring(owner.node, clean=False) is not None
    yield from _runs(owner, body[1:] if has_docstring else body, [])
    parts = [node for one in body for node in ast.walk(one)]
    called = {id(node.func) for node in parts if isinstance(node, ast.Call)}
    for part in parts:
        if isinstance(part, ast.expr) and id(part) not in called and _is_value(part):
            yield PieceOfCode(owner, part)


def _is_value(node: ast.expr) -> bool:
    is_read = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    return is_read and not isinstance(node, ast.Constant | ast.Slice | ast.Starred) and _can([node])


def _runs(
    owner: Owner, block: Sequence[ast.stmt], after: Sequence[ast.stmt]
) -> Iterator[PieceOfCode]:
    for first in range(len(block)):
        for end in range(first + 1, min(len(block), first + _MOST_STATEMENTS) + 1):
            run, rest = block[first:end], [*block[end:], *after]
            if _is_run(run):
                yield PieceOfCode(owner, run, bound_names(run) & reads(rest))
    for at, one in enumerate(block):
        rest = [*block[at + 1 :], *after]
        if isinstance(one, _LOOPS):
            rest = [one, *rest]
        for inside in _blocks(one):
            yield from _runs(owner, inside, rest)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(node, FunctionNode | ast.ClassDef):
        return
    for name in ("body", "orelse", "finalbody"):
        if inside := getattr(node, name, None):
            yield inside
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def _is_run(run: Sequence[ast.stmt]) -> bool:
    """Say whether statements could be a function's body; a lone assignment's value could, too."""
    if len(run) == 1 and isinstance(run[0], ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
        return False
    returns = any(isinstance(part, ast.Return) for node in run for part in ast.walk(node))
    if returns and not isinstance(run[-1], ast.Return):
        return False
    return _can(run) and not _leaves_a_loop(run) and not reads(run) & bound_names(run)


def _can(nodes: Sequence[ast.AST]) -> bool:
    parts = [part for node in nodes for part in ast.walk(node)]
    return len(parts) >= LEAST_NODES and not any(isinstance(one, _BOUND_TO_PLACE) for one in parts)


def _leaves_a_loop(nodes: Sequence[ast.AST]) -> bool:
    for node in nodes:
        if isinstance(node, ast.Break | ast.Continue):
            return True
        if not isinstance(node, _LOOPS) and _leaves_a_loop([*ast.iter_child_nodes(node)]):
            return True
    return False


def reads(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names that code reads before it binds them itself, one node after the other."""
    bound: set[str] = set()
    return frozenset(name for node in nodes for name in [*_reads(node, bound)])


def _reads(node: ast.AST, bound: set[str]) -> Iterator[str]:
    """Yield what a node reads and is not bound; add to `bound` what it binds for sure."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            if name not in bound:
                yield name
        case ast.Name(id=name):
            bound.add(name)
        case ast.Assign() | ast.AnnAssign() | ast.For() | ast.AsyncFor() | ast.comprehension():
            yield from _in_order(_values_first(node), bound)
        case ast.AugAssign(target=target, value=value):
            yield from _in_order([value], bound)
            yield from (one for one in bound_names([ast.Expr(target)]) if one not in bound)
        case ast.If(test=test, body=body, orelse=orelse):
            yield from _reads(test, bound)
            then, otherwise = set(bound), set(bound)
            yield from _in_order(body, then)
            yield from _in_order(orelse, otherwise)
            bound |= then & otherwise
        case _ if isinstance(node, _COMPREHENSIONS):
            inside = set(bound)
            yield from _in_order(node.generators, inside)
            values = [one for one in ast.iter_child_nodes(node) if one not in node.generators]
            yield from _in_order(values, inside)
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
            inside = bound | bound_names([node.args])  # pyright: ignore[reportArgumentType]
            yield from _in_order([*ast.iter_child_nodes(node)], inside)
        case _:
            yield from _in_order([*ast.iter_child_nodes(node)], bound)


def _in_order(nodes: Sequence[ast.AST], bound: set[str]) -> Iterator[str]:
    for node in nodes:
        yield from _reads(node, bound)


def _values_first(node: ast.AST) -> list[ast.AST]:
    """Return a node's children in the order in which they are run: values before targets."""
    children = [*ast.iter_child_nodes(node)]
    targets = [one for one in children if isinstance(getattr(one, "ctx", None), ast.Store)]
    values = [getattr(node, name) for name in ("iter", "value") if getattr(node, name, None)]
    rest = [one for one in children if one not in targets and one not in values]
    return [*values, *targets, *rest]
