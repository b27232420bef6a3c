"""What code reads and binds, in the order in which it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def bound_names(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names that code binds."""
    return frozenset(name for node in nodes for part in ast.walk(node) for name in binds(part))


def binds(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds, without those inside of it."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.split(".")[0]
        case _:
            pass


def reads(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names that code may read before it binds them itself, one node after the other."""
    bound: set[str] = set()
    return frozenset(name for node in nodes for name in [*_reads(node, bound)])


def leaves(block: Sequence[ast.stmt]) -> bool:
    """Say whether what follows a block is never run after it."""
    match block[-1] if block else None:
        case ast.If(body=body, orelse=orelse):
            return leaves(body) and leaves(orelse)
        case last:
            return isinstance(last, _LEAVING)


def _reads(node: ast.AST, bound: set[str]) -> Iterator[str]:
    """Yield what a node reads and is not bound; add to `bound` what it binds for sure."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            if name not in bound:
                yield name
        case ast.Assign() | ast.AnnAssign() | ast.comprehension():
            yield from _in_order(_values_first(node), bound)
        case ast.AugAssign(target=target, value=value):
            yield from _in_order([value], bound)
            yield from (one for one in bound_names([target]) if one not in bound)
            yield from _in_order([*ast.iter_child_nodes(target)], bound)
        case ast.If() | ast.Try() | ast.For() | ast.AsyncFor() | ast.While() | ast.Match():
            yield from _in_paths(node, bound)
        case _ if isinstance(node, _COMPREHENSIONS):
            inside = set(bound)
            yield from _in_order(node.generators, inside)
            values = [one for one in ast.iter_child_nodes(node) if one not in node.generators]
            yield from _in_order(values, inside)
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
            inside = bound | bound_names([node.args])
            yield from _in_order([*ast.iter_child_nodes(node)], inside)
            bound |= set[str]() if isinstance(node, ast.Lambda) else {node.name}
        case _:
            yield from _in_order([*ast.iter_child_nodes(node)], bound)
            bound.update(binds(node))


def _in_paths(node: ast.stmt, bound: set[str]) -> Iterator[str]:
    """Yield what a statement reads of which not every part is run."""
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            yield from _reads(test, bound)
            paths = [body, orelse]
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            paths = [[*body, *orelse]]
            for handler in handlers:
                inside = bound | set(binds(handler))
                yield from _in_order([*ast.iter_child_nodes(handler)], inside)
                if not leaves(handler.body):
                    paths.append([one for one in handler.body if not handler.name])
            yield from _in_order(final, set(bound))
        case ast.For(target=target, iter=rows) | ast.AsyncFor(target=target, iter=rows):
            yield from _reads(rows, bound)
            inside = set(bound)
            yield from _in_order([target, *node.body], inside)
            paths = [node.orelse, []]
        case _:
            first = node.test if isinstance(node, ast.While) else getattr(node, "subject", None)
            yield from _reads(first, bound) if isinstance(first, ast.AST) else ()
            for part in ast.iter_child_nodes(node):
                yield from _reads(part, set(bound)) if part is not first else ()
            return
    sure: set[str] | None = None
    for path in paths:
        inside = set(bound)
        yield from _in_order(path, inside)
        if not leaves(path):
            sure = inside if sure is None else sure & inside
    bound |= sure or set()


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
