"""The expressions of a statement that could be computed where it begins."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_ACTING = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def tails(statement: ast.stmt, lead: Sequence[ast.stmt]) -> Iterator[ast.expr]:
    """Yield the expressions that `lead` could be moved into, from the statement right before it.

    They are evaluated in any case, and nothing is before them that `lead` could tell or change.
    """
    parts = [part for one in lead for part in ast.walk(one)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    yield from _Order(names, [_root(statement)]).expressions


class _Order:
    def __init__(self, names: set[str], roots: Sequence[ast.AST | None]) -> None:
        self._names = names
        self._is_clean = True
        self.expressions = [one for root in roots if root for one in [*self._walk(root)]]

    def _walk(self, node: ast.AST) -> Iterator[ast.expr]:
        if not self._is_clean:
            return
        if isinstance(node, ast.expr):
            yield node
        for child in _sure(node):
            yield from self._walk(child)
        self._is_clean = self._is_clean and not any(self._acts(one) for one in ast.walk(node))

    def _acts(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Subscript):
            return any(isinstance(x, ast.Name) and x.id in self._names for x in ast.walk(node))
        return isinstance(node, _ACTING)


def _root(statement: ast.stmt) -> ast.AST | None:
    """Return what a statement evaluates first."""
    match statement:
        case ast.Return() | ast.Expr() | ast.Assign() | ast.AnnAssign():
            return statement.value
        case ast.AugAssign(target=target, value=value):
            # The target is read first.
            return value if isinstance(target, ast.Name) else statement
        case ast.If(test=test) | ast.Assert(test=test):
            return test
        case ast.For(iter=rows):
            return rows
        case ast.Raise(exc=exception):
            return exception
        case ast.Match(subject=subject):
            return subject
        case ast.With(items=items):
            return items[0].context_expr
        case _:
            return None


def _sure(node: ast.AST) -> Sequence[ast.AST]:
    """Return the parts of a node that are evaluated in any case, in their order."""
    match node:
        case ast.BoolOp(values=values):
            return values[:1]
        case ast.IfExp(test=test):
            return [test]
        case ast.Compare(left=left, comparators=others):
            return [left, others[0]]
        case ast.Lambda():
            return []
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return [one for pair in pairs for one in pair if one is not None]
        case _ if isinstance(node, _COMPREHENSIONS):
            return [node.generators[0].iter]
        case _:
            return [*ast.iter_child_nodes(node)]
