"""Statements that give a value on all their paths, in one form: each path returns it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

Block = Sequence[ast.stmt]
Leaf = ast.Return | ast.Assign | ast.AugAssign | ast.Expr


@dataclass(frozen=True)
class Taking:
    """What a statement does with its value: the code before and behind it."""

    before: str
    behind: str = ""


class Giving:
    """Statements as they would stand in a function of their own.

    `statements` return where the given ones return, or do the same with a value at the end of each
    path (`taking`, with `leaves` the statements that do); None where they do not.
    """

    def __init__(self, block: Block) -> None:
        self.taking: Taking | None = None
        self.leaves: list[Leaf] = []
        self.statements = self._block(block)

    def _block(self, block: Block) -> list[ast.stmt] | None:
        for at, one in enumerate(block):
            if not isinstance(one, ast.If) or one.orelse or at == len(block) - 1:
                continue
            if then := self._returning(one.body):
                rest = self._block(block[at + 1 :])
                if rest is None:
                    return None
                both = ast.If(test=one.test, body=then, orelse=rest)
                return [*block[:at], ast.copy_location(both, one)]
        last = self._last(block[-1]) if block else None
        return None if last is None else [*block[:-1], last]

    def _returning(self, block: Block) -> list[ast.stmt] | None:
        """Return a block that returns for itself; one that does not runs on into what follows."""
        if not any(isinstance(part, ast.Return) for one in block for part in ast.walk(one)):
            return None
        return self._block(block)

    def _last(self, one: ast.stmt) -> ast.stmt | None:
        match one:
            case ast.Raise():
                return one
            case ast.Return() | ast.Assign() | ast.AugAssign() | ast.Expr():
                return self._leaf(one)
            case ast.If(test=test, body=body, orelse=orelse):
                then, other = self._block(body), self._block(orelse)
                if then is None or other is None:
                    return None
                return ast.copy_location(ast.If(test=test, body=then, orelse=other), one)
            case ast.With(items=items):
                body = self._block(one.body)
                made = ast.With(items=items, body=body or [])
                return ast.copy_location(made, one) if body else None
            case ast.Try(orelse=[], finalbody=[]):
                return self._try(one)
            case _:
                return None

    def _leaf(self, one: Leaf) -> ast.stmt | None:
        value, taking = taken(one)
        if taking is None or (self.taking or taking) != taking:
            return None
        self.taking = taking
        if isinstance(one, ast.Return):
            return one
        self.leaves.append(one)
        return ast.copy_location(ast.Return(value=value), one)

    def _try(self, one: ast.Try) -> ast.stmt | None:
        blocks = [self._block(part) for part in (one.body, *(x.body for x in one.handlers))]
        body, *others = (block or [] for block in blocks)
        if not all(blocks):
            return None
        handlers = [
            ast.copy_location(ast.ExceptHandler(type=x.type, name=x.name, body=inside), x)
            for x, inside in zip(one.handlers, others, strict=True)
        ]
        made = ast.Try(body=body, handlers=handlers, orelse=[], finalbody=[])
        return ast.copy_location(made, one)


def taken(one: Leaf) -> tuple[ast.expr | None, Taking | None]:
    """Return a statement's value and what it does with it; no `Taking` where that is unclear."""
    match one:
        case ast.Return(value=value):
            return value, Taking("return ")
        case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
            return value, Taking(f"{ast.unparse(target)} = ")
        case ast.AugAssign(target=ast.Name() as target, value=value):
            sign = ast.unparse(one).removeprefix(target.id).removesuffix(ast.unparse(value))
            return value, Taking(f"{target.id}{sign}")
        case ast.Expr(value=ast.Call(func=func, args=[value], keywords=[])):
            is_simple = isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)
            return value, Taking(f"{ast.unparse(func)}(", ")") if is_simple else None
        case _:
            return None, None
