"""Code that a model wrote: whole definitions, in whatever frame it put them."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from hotloop.errors import ToolError
from hotloop.workspace.syntax import Definition, parser, read_definitions

if TYPE_CHECKING:
    from tree_sitter import Node

WRAPPER = "__fragment__"
"""Name of the class put around methods that came without one."""
_FENCE = re.compile(r"\A\s*```[\w+-]*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_DOTTED_DEF = re.compile(r"^(\s*(?:async )?def )([A-Za-z_]\w*)\.(\w+)(?=\s*\()", re.MULTILINE)
_STRINGS = frozenset({"string", "template_string", "raw_string_literal", "string_literal"})


def encloses(holder: Definition, one: Definition) -> bool:
    """Say whether a definition stands inside a class."""
    return (
        holder.kind == "class"
        and holder.start_byte < one.start_byte
        and one.end_byte <= holder.end_byte
    )


class Fragment:
    """Parsed code of a model: `text`, its `definitions`, and those at its `top`."""

    def __init__(
        self, language: str, text: str, owners: dict[str, str], *, wrapped: bool = False
    ) -> None:
        self.language = language
        self.text = text
        self.source = text.encode()
        self.wrapped = wrapped
        self._owners = owners
        found = read_definitions(language, self.source)
        if wrapped:
            found = [_unwrapped(one) for one in found if one.parent.startswith(WRAPPER)]
        self.definitions: Sequence[Definition] = found
        self.top = [one for one in found if not any(encloses(holder, one) for holder in found)]

    def slice(self, one: Definition) -> str:
        """Return a definition's text."""
        return self.source[one.start_byte : one.end_byte].decode()

    def members(self, holder: Definition) -> list[Definition]:
        """Return what is directly in a class."""
        if holder.kind != "class":
            return []
        inside = [one for one in self.definitions if encloses(holder, one)]
        return [one for one in inside if not any(encloses(other, one) for other in inside)]

    def owner(self, one: Definition) -> str:
        """Return the class named in `def Class.method`, else nothing."""
        return self._owners.get(one.name, "") if not one.parent else ""

    def is_method(self, one: Definition) -> bool | None:
        """Say whether a definition without a class is a method; None when it may be either."""
        if one.kind not in {"function", "method"} or self.language == "go":
            return False
        head = self.source[one.bare_byte : one.end_byte].decode()
        match self.language:
            case "python":
                above = self.source[one.start_byte : one.head_byte].decode()
                bound = re.match(r"(?:async\s+)?def\s+\w+\s*\(\s*(?:self|cls)\b", head)
                return bool(bound) or "@staticmethod" in above
            case "rust":
                return True if re.match(r"[^{]*?\(\s*&?\s*(?:mut\s+)?self\b", head) else None
            case "javascript" | "typescript" | "tsx":
                return self.wrapped
            case _:
                return False

    def parts(self, one: Definition) -> tuple[str, str, str]:
        """Return what stands above a definition, its visibility, and the rest, not indented."""
        text = self.dedented(one)
        above = self.source[one.start_byte : one.head_byte].decode()
        length = len("\n".join(_shift(above.split("\n"), len(one.indent), "")))
        visible = one.bare_byte - one.head_byte
        return text[:length], text[length : length + visible], text[length + visible :]

    def dedented(self, one: Definition) -> str:
        """Return a definition without its indentation; lines inside strings stay."""
        lines = self.slice(one).split("\n")
        return "\n".join(_shift(lines, len(one.indent), "", self._string_lines(one)))

    def reindented(self, one: Definition, text: str, indent: str) -> str:
        """Indent a definition's text for its new place, all lines but the first."""
        if indent == one.indent and text == self.dedented(one):
            return self.slice(one)
        fixed = self._string_lines(one)
        lines = text.split("\n")
        extra = len(lines) - self.slice(one).count("\n") - 1
        shifted = [
            line if number - extra in fixed or not line.strip() or number == 0 else indent + line
            for number, line in enumerate(lines)
        ]
        return "\n".join(shifted)

    def _string_lines(self, one: Definition) -> set[int]:
        """Return the lines, from 0, that begin inside a string that is no docstring."""
        if self.language == "c" or b"\n" not in self.source[one.start_byte : one.end_byte]:
            return set()
        root = parser(self.language).parse(self.source).root_node
        first = one.start_line - 1
        return {
            row - first
            for node in _strings(root)
            if one.start_byte <= node.start_byte < one.end_byte
            for row in range(node.start_point[0] + 1, node.end_point[0] + 1)
        }


def _strings(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type not in _STRINGS:
            yield from _strings(child)
        elif node.type != "expression_statement" and child.start_point[0] != child.end_point[0]:
            yield child


def _shift(
    lines: Sequence[str], width: int, indent: str, fixed: set[int] | None = None
) -> Iterator[str]:
    """Take up to `width` white space from all lines but the first and those that are fixed."""
    for number, line in enumerate(lines):
        if number == 0 or number in (fixed or ()):
            yield line
            continue
        room = len(line) - len(line.lstrip(" \t"))
        yield indent + line[min(width, room) :]


def _unwrapped(one: Definition) -> Definition:
    parent = one.parent.removeprefix(WRAPPER).lstrip(".")
    name = f"{parent}.{one.name}" if parent else one.name
    return msgspec.structs.replace(one, parent=parent, qualified_name=name)


def read_fragment(language: str, source: str, code: str) -> Fragment:
    """Parse a model's code for a file with `source`; raises ToolError when that cannot be done."""
    if not code.strip():
        raise ToolError("the code has no definition: it is empty", "write the whole function")
    if fenced := _FENCE.match(code):
        code = fenced[1]
    owners: dict[str, str] = {}
    if language == "python":
        owners = {found[3]: found[2] for found in _DOTTED_DEF.finditer(code)}
        code = _DOTTED_DEF.sub(r"\1\3", code)
    code = _like(source, code)
    fault = ""
    for text, wrapped in _readings(language, code):
        trouble = syntax_fault(language, text)
        fault = fault or trouble
        if trouble:
            continue
        fragment = Fragment(language, text, owners, wrapped=wrapped)
        if fragment.definitions:
            return fragment
    if fault:
        raise ToolError(f"the code does not parse: {fault}", "write the whole definition again")
    raise ToolError("the code has no definition", "write the whole function or class")


def _readings(language: str, code: str) -> Iterator[tuple[str, bool]]:
    """Yield the ways a model's code may be meant; the flag says that a class was put around."""
    code = code.strip("\n") + "\n"
    if language == "python" and code[:1].isspace():
        yield f"class {WRAPPER}:\n{code}", True
    dedented = textwrap.dedent(code)
    yield dedented, False
    if language == "python":
        first, _, rest = code.partition("\n")
        deeper = re.search(r"^([ \t]+)(?:@|def |async def )", rest, re.MULTILINE)
        if deeper:
            yield f"class {WRAPPER}:\n{deeper[1]}{first.lstrip()}\n{rest}", True
    if language in {"javascript", "typescript", "tsx"}:
        body = re.sub(r"^(\s*\}),\s*$", r"\1", dedented, flags=re.MULTILINE)
        yield f"class {WRAPPER} {{\n{body}}}\n", True


def _like(source: str, code: str) -> str:
    """Write leading tabs or spaces as the source does."""
    tabs = len(re.findall(r"^\t", source, re.MULTILINE))
    spaces = len(re.findall(r"^ {2}", source, re.MULTILINE))
    if tabs > spaces and not re.search(r"^\t", code, re.MULTILINE):
        widths = [len(found[0]) for found in re.finditer(r"^ +(?=\S)", code, re.MULTILINE)]
        unit = min((width for width in widths if width > 1), default=4)
        return re.sub(
            r"^ +", lambda found: "\t" * (len(found[0]) // unit), code, flags=re.MULTILINE
        )
    if spaces > tabs:
        return re.sub(r"^\t+", lambda found: "    " * len(found[0]), code, flags=re.MULTILINE)
    return code


def syntax_fault(language: str, text: str) -> str:
    """Return a source's first syntax error as `line 3: …`, empty when it parses (C: always)."""
    if language == "python":
        return _python_fault(text)
    if language == "c":
        return ""
    root = parser(language).parse(text.encode()).root_node
    bad = _first_error(root) if root.has_error else None
    return f"line {bad.start_point[0] + 1}: syntax error" if bad else ""


def _python_fault(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", 0) or 0
        return f"line {line}: {getattr(error, 'msg', error)}"
    return ""


def _first_error(node: Node) -> Node:
    for child in node.children:
        if child.is_error or child.is_missing:
            return child
        if child.has_error:
            return _first_error(child)
    return node
