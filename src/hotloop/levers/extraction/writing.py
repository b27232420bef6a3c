"""Write the function that was extracted, and its calls."""

from __future__ import annotations

import ast
import builtins
import copy
import keyword
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from hotloop.levers.extraction.likeness import Likeness
from hotloop.levers.extraction.pieces import PieceOfCode

Span = tuple[tuple[int, int], tuple[int, int]]


class Named(Protocol):
    """What a call needs to know of the function."""

    @property
    def name(self) -> str:
        """Return the function's name."""
        ...

    @property
    def holder(self) -> str:
        """Return the class that it is a method of, or nothing."""
        ...


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
        """Return the text from `start` to `end` with spans in it replaced."""
        data, first = self._data[: self.at(end)], self.at(start)
        for span, text in sorted(edits, reverse=True):
            data = data[: self.at(span[0])] + text.encode() + data[self.at(span[1]) :]
        return data[first:].decode()


def parameter_names(holes: Sequence[tuple[str, str]]) -> list[str]:
    """Return names for holes whose parameters nobody named, by what stands there."""
    names: list[str] = []
    for number, (one, _) in enumerate(holes, 1):
        words = re.findall(r"[A-Za-z_]\w*", one)
        word = words[-1] if words else ""
        is_taken = word in {"", "self", "cls"} or keyword.iskeyword(word)
        is_free = not is_taken and not hasattr(builtins, word)
        names.append(word if is_free and word not in names else f"value{number}")
    return names


def call_text(function: Named, arguments: Sequence[str], results: Sequence[str]) -> str:
    """Return the call that stands instead of a piece of code which binds `results`."""
    receiver = "self." if function.holder else ""
    call = f"{receiver}{function.name}({', '.join(arguments)})"
    return f"{', '.join(results)} = {call}" if results else call


def function_text(
    lines: Lines,
    piece: PieceOfCode,
    common: Likeness,
    names: Sequence[str],
    results: Sequence[str],
) -> str:
    """Return the body of the function made of a piece: indented, with its results returned."""
    named = dict(zip(common.holes, names, strict=True))
    nodes = [(node, named[key]) for key, pairs in common.holes.items() for node, _ in pairs]
    start, end = piece.span
    if _is_in_format_string(piece, [node for node, _ in nodes]):
        code = _unparsed(piece, {key[0]: name for key, name in named.items()})
    else:
        edits = [(_span(node), name) for node, name in nodes]
        code = lines.between(start, end, edits)
        code = textwrap.dedent(" " * start[1] + code)
    if isinstance(piece.body, ast.expr):
        code = f"return {code}"
    elif results:
        code += f"\nreturn {', '.join(results)}"
    return textwrap.indent(code, "    ")


def _span(node: ast.expr) -> Span:
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset), end


def _roots(piece: PieceOfCode) -> Sequence[ast.AST]:
    return [piece.body] if isinstance(piece.body, ast.expr) else piece.body


def _is_in_format_string(piece: PieceOfCode, nodes: Sequence[ast.expr]) -> bool:
    """Say whether a node is inside an f-string, where Python 3.11 knows no places."""
    if sys.version_info >= (3, 12):
        return False
    strings = (
        part for root in _roots(piece) for part in ast.walk(root) if isinstance(part, ast.JoinedStr)
    )
    inside = {id(part) for string in strings for part in ast.walk(string)}
    return any(id(node) in inside for node in nodes)


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
    return "\n".join(ast.unparse(renamer.visit(copy.deepcopy(node))) for node in _roots(piece))
