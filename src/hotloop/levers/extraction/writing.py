"""Write the function that was extracted, and its calls."""

from __future__ import annotations

import ast
import builtins
import copy
import keyword
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from hotloop.levers.extraction.likeness import Likeness
from hotloop.levers.extraction.paths import Leaf, taken
from hotloop.levers.extraction.piece import PieceOfCode, Span, span_of

_BRACKETED = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Call)


class Lines:
    """A source by the lines and byte columns of its syntax tree."""

    def __init__(self, source: str) -> None:
        self._data = source.encode()
        self._starts = [0]
        for line in self._data.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def at(self, place: tuple[int, int]) -> int:
        """Return the byte offset of a line, from 1, and a column in bytes."""
        return self._starts[place[0] - 1] + place[1]

    def replaced(self, edits: Iterable[tuple[Span, str]]) -> str:
        """Return the source with the text of each span replaced; the spans do not overlap."""
        return self.between((1, 0), (len(self._starts), 0), edits)

    def between(
        self, start: tuple[int, int], end: tuple[int, int], edits: Iterable[tuple[Span, str]] = ()
    ) -> str:
        """Return the text from `start` to `end` with the spans that are in it replaced."""
        data, first = self._data[: self.at(end)], self.at(start)
        inside = (one for one in edits if start <= one[0][0] and one[0][1] <= end)
        for span, text in sorted(inside, reverse=True):
            data = data[: self.at(span[0])] + text.encode() + data[self.at(span[1]) :]
        return data[first:].decode()


def parameter_names(holes: Sequence[tuple[str, str]], taken: Collection[str]) -> list[str]:
    """Return names for holes whose parameters nobody named, by what stands there."""
    names: list[str] = []
    for number, (one, _) in enumerate(holes, 1):
        words = re.findall(r"[A-Za-z_]\w*", one)
        word = words[-1] if words else ""
        is_taken = word in {"", "self", "cls"} or keyword.iskeyword(word)
        is_free = not is_taken and not hasattr(builtins, word) and word not in taken
        names.append(word if is_free and word not in names else f"value{number}")
    return names


def call_text(function: str, arguments: Sequence[str]) -> str:
    """Return the call of a function."""
    return f"{function}({', '.join(arguments)})"


def call_edits(piece: PieceOfCode, call: str, taken: str = "") -> Iterator[tuple[Span, str]]:
    """Yield the changes that put a call where a piece of code stands.

    A variable that is called `taken` is called otherwise from now on.
    """
    if piece.is_tail and piece.value:
        is_bare = isinstance(piece.value, ast.GeneratorExp)  # its brackets may be those of a call
        yield span_of(piece.value), f"({call})" if is_bare else call
        if piece.statements:
            yield (piece.span[0], piece.behind), ""
        return
    before = re.sub(rf"\b{taken}\b", f"{taken}_", piece.before) if taken else piece.before
    yield piece.span, f"{before}{call}{piece.after}"


def without_name(pieces: Sequence[PieceOfCode], name: str) -> Iterator[tuple[Span, str]]:
    """Yield the changes that call variables `name` otherwise, so that a function can have it.

    `pieces` are those that calls will stand for, in the functions that have such variables.
    """
    gone = [span for piece in pieces for span, _ in call_edits(piece, "")]
    for owner in {id(piece.owner): piece.owner for piece in pieces}.values():
        if name not in owner.local:
            continue
        for part in ast.walk(owner.node):
            if not isinstance(part, ast.Name) or part.id != name:
                continue
            span = span_of(part)
            if not any(start <= span[0] and span[1] <= end for start, end in gone):
                yield span, f"{name}_"


def function_text(lines: Lines, piece: PieceOfCode, common: Likeness, names: Sequence[str]) -> str:
    """Return the body of the function made of a piece, indented."""
    named = dict(zip(common.holes, names, strict=True))
    nodes = [
        (node, named[key])
        for key, pairs in common.holes.items()
        for node, _ in pairs
        if key[0] != named[key]
    ]
    nodes += _clashes(piece, common, names)
    if all(is_in_place(lines, node) for node, _ in nodes):
        code = _edited(lines, piece, nodes)
    else:
        code = _unparsed(piece, {ast.unparse(node): name for node, name in nodes})
    return textwrap.indent(code, "    ")


def _clashes(
    piece: PieceOfCode, common: Likeness, names: Sequence[str]
) -> Iterator[tuple[ast.expr, str]]:
    """Yield the piece's own names that a parameter is called like, and other ones for them."""
    holes = (one for pairs in common.holes.values() for one, _ in pairs)
    handed = {id(part) for one in holes for part in ast.walk(one)}
    for part in (part for node in piece.nodes for part in ast.walk(node)):
        if isinstance(part, ast.Name) and part.id in names and id(part) not in handed:
            yield part, f"{part.id}_"


def _edited(lines: Lines, piece: PieceOfCode, nodes: Sequence[tuple[ast.expr, str]]) -> str:
    edits = [(span_of(node), _in_place(node, name)) for node, name in nodes if _has_place(node)]
    edits += [edit for leaf in piece.leaves for edit in _returns_for(lines, leaf)]
    code = ""
    if piece.statements:
        start, end = piece.span[0], span_of(piece.statements[-1])[1]
        code = textwrap.dedent(" " * start[1] + lines.between(start, end, edits))
    if piece.value is None:
        return code
    if piece.is_tail:
        value = lines.between(*span_of(piece.value), edits)
        is_closed = isinstance(piece.value, _BRACKETED)
        value = f"({value})" if "\n" in value and not is_closed else value
        value = textwrap.dedent(" " * span_of(piece.value)[0][1] + value)
    else:
        renamed = {node.id: name for node, name in nodes if isinstance(node, ast.Name)}
        found = [one.id for one in ast.walk(piece.value) if isinstance(one, ast.Name)]
        value = ", ".join(renamed.get(one, one) for one in found)
    return f"{code}\nreturn {value}" if code else f"return {value}"


def _has_place(node: ast.expr) -> bool:
    return hasattr(node, "lineno")


def _in_place(node: ast.expr, name: str) -> str:
    return f"({name})" if isinstance(node, ast.GeneratorExp) else name


def _returns_for(lines: Lines, leaf: Leaf) -> Iterator[tuple[Span, str]]:
    """Yield the changes that make a statement return its value instead."""
    start, end = span_of(leaf)
    value, taking = taken(leaf)
    if value is None or taking is None:
        return
    sign = "(" if taking.behind else "="
    text = lines.between(start, span_of(value)[0])
    before, _, _ = text.partition(sign)
    width = len(f"{before}{sign}".encode())
    yield (start, (start[0], start[1] + width)), "return " if taking.behind else "return"
    if taking.behind:
        yield ((end[0], end[1] - 1), end), ""


def is_in_place(lines: Lines, node: ast.expr) -> bool:
    """Say whether an expression stands where the syntax tree says: in f-strings of 3.11 not always.

    A name that only stands for what a piece returns has no place.
    """
    if not _has_place(node):
        return True
    try:
        there = ast.parse(f"({lines.between(*span_of(node))})", mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return ast.unparse(there) == ast.unparse(node)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        """Put a name in the place of an expression that has one."""
        if isinstance(node, ast.expr) and (name := self._names.get(ast.unparse(node))):
            return ast.Name(id=name, ctx=ast.Load())
        return self.generic_visit(node)


def _unparsed(piece: PieceOfCode, names: Mapping[str, str]) -> str:
    renamer = _Renamed(names)
    code = [ast.unparse(renamer.visit(copy.deepcopy(node))) for node in piece.nodes]
    if piece.value is not None:
        code[-1] = f"return {code[-1]}"
    return "\n".join(code)
