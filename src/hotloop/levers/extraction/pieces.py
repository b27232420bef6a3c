"""The pieces of Python code that could become a function of their own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from hotloop.levers.extraction.paths import Giving
from hotloop.levers.extraction.piece import FunctionNode, Owner, PieceOfCode, span_of
from hotloop.levers.extraction.reading import FUNCTIONS, bound_names, reads
from hotloop.levers.extraction.tails import tails

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES = (ast.If, ast.Try, ast.With)
_BOUND_TO_PLACE = (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Global, ast.Nonlocal)
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
_NO_VALUE = (ast.Constant, ast.Slice, ast.Starred, ast.FormattedValue)
_MOST_STATEMENTS = 12
_MOST_RESULTS = 3
LEAST_NODES = 6


def owners(tree: ast.Module, path: str = "") -> Iterator[Owner]:
    """Yield a module's functions and methods; what is inside of these belongs to them."""
    for node in tree.body:
        if isinstance(node, FunctionNode):
            yield Owner(node, "", path)
        elif isinstance(node, ast.ClassDef):
            inside = (one for one in node.body if isinstance(one, FunctionNode))
            yield from (Owner(one, node.name, path) for one in inside)


def pieces(owner: Owner) -> Iterator[PieceOfCode]:
    """Yield what of a function could be taken out of it."""
    body = owner.node.body
    has_docstring = ast.get_docstring(owner.node, clean=False) is not None
    for piece in _runs(owner, body[1:] if has_docstring else body, []):
        if _can(piece.nodes):
            yield piece
    parts = [node for one in body for node in ast.walk(one)]
    called = {id(node.func) for node in parts if isinstance(node, ast.Call)}
    for part in parts:
        if not isinstance(part, ast.expr) or isinstance(part, ast.Name) or id(part) in called:
            continue
        if is_value(part) and _can([part]):
            yield PieceOfCode(owner, value=part, is_tail=True)


def is_value(node: ast.expr) -> bool:
    """Say whether an expression could be the value of a call."""
    is_read = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    return is_read and not isinstance(node, _NO_VALUE)


def _runs(
    owner: Owner, block: Sequence[ast.stmt], after: Sequence[ast.stmt]
) -> Iterator[PieceOfCode]:
    behind = [reads([*block[end:], *after]) for end in range(len(block) + 1)]
    for end in range(1, len(block) + 1):
        for first in range(max(0, end - _MOST_STATEMENTS), end):
            run = block[first:end]
            if _leaves_a_loop(run[:1]):
                continue
            yield from _pieces_of_run(owner, run, behind[end])
            if end < len(block) and not _has(run, ast.Return):
                yield from _with_tails(owner, run, block[end], behind[end + 1])
    for at, one in enumerate(block):
        rest = [*block[at + 1 :], *after]
        if isinstance(one, _LOOPS):
            rest = [one, *rest]
        for inside in _blocks(one):
            yield from _runs(owner, inside, rest)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return
    for name in ("body", "orelse", "finalbody"):
        if inside := getattr(node, name, None):
            yield inside
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def _pieces_of_run(
    owner: Owner, run: Sequence[ast.stmt], read: frozenset[str]
) -> Iterator[PieceOfCode]:
    """Yield statements in a row as one piece; a lone simple one's value is a piece, too."""
    if (len(run) == 1 and isinstance(run[0], _SIMPLE)) or _leaves_a_loop(run):
        return
    results = _results(run, read)
    if isinstance(run[-1], _BRANCHES) or _has(run, ast.Return):
        piece = _giving(owner, run, results)
        if piece or _has(run, ast.Return):
            yield from [piece] if piece else []
            return
    if len(results) > _MOST_RESULTS:
        return
    if len(results) == 1 and isinstance(run[-1], ast.Assign) and _is_name(run[-1].targets, results):
        return  # its value is a tail
    names: list[ast.expr] = [ast.Name(id=one, ctx=ast.Load()) for one in results]
    value = ast.Tuple(elts=names, ctx=ast.Load()) if len(names) > 1 else (names or [None])[0]
    before = f"{', '.join(results)} = " if results else ""
    yield PieceOfCode(owner, tuple(run), value, before=before)


def _giving(owner: Owner, run: Sequence[ast.stmt], results: Sequence[str]) -> PieceOfCode | None:
    """Return statements that do the same with a value at the end of each of their paths."""
    giving = Giving(run)
    taking = giving.taking
    if giving.statements is None or taking is None or len(giving.leaves) == 1:
        return None
    is_own = set(results) <= {taking.before.split()[0]} and "=" in taking.before
    if results and not is_own:
        return None
    used = {*re.findall(r"\w+", taking.before)} - {*re.findall(r"^(\w+) = $", taking.before)}
    if used & bound_names(giving.statements):
        return None  # what takes the value would be gone
    made, given = tuple(giving.statements), tuple(giving.leaves)
    words = taking.before, taking.behind
    return PieceOfCode(owner, tuple(run), None, False, *words, returning=made, leaves=given)


def _is_name(targets: Sequence[ast.expr], names: Sequence[str]) -> bool:
    return [one.id for one in targets if isinstance(one, ast.Name)] == [*names]


def _results(run: Sequence[ast.stmt], read: frozenset[str]) -> list[str]:
    """Return the names that are bound in statements and read behind them, as they come."""
    parts = (part for one in run for part in ast.walk(one) if isinstance(part, ast.Name))
    stored = [one for one in parts if not isinstance(one.ctx, ast.Load) and one.id in read]
    stored.sort(key=lambda one: (one.lineno, one.col_offset))
    others = (bound_names(run) & read) - {one.id for one in stored}
    return [*dict.fromkeys(one.id for one in stored), *sorted(others)]


def _with_tails(
    owner: Owner, lead: Sequence[ast.stmt], behind: ast.stmt, read: frozenset[str]
) -> Iterator[PieceOfCode]:
    """Yield statements with an expression behind them that alone reads what they bind."""
    bound = bound_names(lead)
    assigned = behind.targets if isinstance(behind, ast.Assign) else []
    if bound & (read - bound_names(assigned)) or _leaves_a_loop(lead):
        return
    targets = {id(part) for one in assigned for part in _stored(one)}
    reading = [
        part
        for part in ast.walk(behind)
        if isinstance(part, ast.Name) and part.id in bound and id(part) not in targets
    ]
    if not reading and not _has(lead, ast.Raise):
        return
    called = {id(one.func) for one in ast.walk(behind) if isinstance(one, ast.Call)}
    for tail in tails(behind, lead):
        inside = {id(part) for part in ast.walk(tail)}
        holds = all(id(one) in inside for one in reading)
        is_name = isinstance(tail, ast.Name) and not isinstance(behind, ast.Return)
        if holds and is_value(tail) and id(tail) not in called and not is_name:
            start = span_of(behind)[0]
            yield PieceOfCode(owner, tuple(lead), tail, is_tail=True, behind=start)


def _stored(target: ast.expr) -> Iterator[ast.AST]:
    return (one for one in ast.walk(target) if isinstance(getattr(one, "ctx", None), ast.Store))


def _has(nodes: Sequence[ast.AST], kind: type[ast.AST]) -> bool:
    return any(isinstance(part, kind) for node in nodes for part in ast.walk(node))


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
