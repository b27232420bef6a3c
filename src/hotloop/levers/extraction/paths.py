"""Statements that give a value on all their paths, in one form: each path returns it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

Block = Sequence[ast.stmt]


class Giving:
    """Statements as they would stand in a function of their own.

    `statements` return where the given ones return, or assign to `name` last; None where not all
    their paths do. `leaves` are those assignments.
    """

    def __init__(self, block: Block, name: str = "") -> None:
        self._name = name
        self.leaves: list[ast.Assign] = []
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
        """Return a block that returns for itself; one that assigns runs on into what follows."""
        giving = Giving(block)
        has_return = any(isinstance(part, ast.Return) for one in block for part in ast.walk(one))
        return giving.statements if has_return else None

    def _last(self, one: ast.stmt) -> ast.stmt | None:
        match one:
            case ast.Return() | ast.Raise():
                return one
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == self._name:
                self.leaves.append(one)
                return ast.copy_location(ast.Return(value=value), one)
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
