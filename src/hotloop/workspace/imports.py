"""The imports of a model's code that a file does not have yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from hotloop.workspace.fragment import WRAPPER, Fragment
from hotloop.workspace.syntax import is_require, parser, read_definitions

if TYPE_CHECKING:
    from tree_sitter import Node


_SLOT = "\0"


class Import(msgspec.Struct, frozen=True):
    """One import statement: where from, the names it binds, and how to write it for some."""

    module: str
    names: tuple[str, ...]
    text: str
    end_byte: int
    pieces: tuple[str, ...] = ()
    form: str = ""

    def only(self, names: set[str]) -> str:
        """Return the statement for those names."""
        if not self.form or names >= {*self.names}:
            return self.text
        kept = [piece for name, piece in zip(self.names, self.pieces, strict=True) if name in names]
        return self.form.replace(_SLOT, ", ".join(kept))


def missing_imports(
    path: str, language: str, source: str, fragment: Fragment
) -> tuple[int, str, list[str]]:
    """Return where in `source` (bytes) which import lines go, and the names they bring.

    Left out are names that the code does not use and imports of the file from itself, which
    models copy from tests.
    """
    have = [*_imports(language, source)]
    bound = {name for one in have for name in one.names}
    code = "\n".join(fragment.slice(one) for one in fragment.top)
    stem = PurePath(path).stem
    lines: list[str] = []
    added: list[str] = []
    for one in _imports(language, fragment.text):
        wanted = {
            name for name in one.names if name not in bound and _is_used(language, name, code)
        }
        from_itself = re.split(r"[./]", re.sub(r"\.\w?[jt]sx?$", "", one.module))[-1] == stem
        if wanted and not (from_itself and language != "go"):
            lines.append(one.only(wanted))
            added += [name for name in one.names if name in wanted]
    if not lines:
        return 0, "", []
    at, before, after = _place(language, source, have)
    return at, before + "\n".join(lines) + after, added


def _is_used(language: str, name: str, code: str) -> bool:
    word = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code)
    return bool(word) or name == "*" or language == "c"


def _place(language: str, source: str, have: list[Import]) -> tuple[int, str, str]:
    if have:
        data = source.encode()
        code = (one for one in read_definitions(language, data) if one.kind != "constant")
        first = next((one.start_byte for one in code), len(data))
        leading = [one for one in have if one.end_byte <= first] or have[:1]
        end = data.find(b"\n", leading[-1].end_byte)
        return end if end >= 0 else len(data), "\n", ""
    match language:
        case "python":
            return _python_top(source)
        case "go":
            package = re.search(r"^package .*$", source, re.MULTILINE)
            return len(source[: package.end()].encode()) if package else 0, "\n\n", ""
        case _:
            head = re.match(r"(#!.*\n|(['\"])use strict\2;?\n)*", source)
            return len(head[0].encode()) if head else 0, "", "\n\n"


def _python_top(source: str) -> tuple[int, str, str]:
    """Return the place after a module's docstring, else after its leading comments."""
    root = parser("python").parse(source.encode()).root_node
    for node in root.named_children:
        if node.type == "comment":
            continue
        if node.type == "expression_statement" and node.named_children[0].type == "string":
            return node.end_byte, "\n\n", ""
        break
    head = re.match(r"(#.*\n)*", source)
    return len(head[0].encode()) if head else 0, "", "\n\n\n"


def _imports(language: str, source: str) -> Iterator[Import]:
    if language == "c":
        for found in re.finditer(r"^#\s*include\s+(\S+)", source, re.MULTILINE):
            end = len(source[: found.end()].encode())
            yield Import(found[1], (found[1],), found[0], end)
        return
    reader = _READERS.get(language)
    if reader:
        data = source.encode()
        yield from reader(parser(language).parse(data).root_node, data)


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode()


def _python(root: Node, data: bytes) -> Iterator[Import]:
    first = root.named_children[0].child_by_field_name("body") if root.named_children else None
    wrapped = first if data.startswith(f"class {WRAPPER}:".encode()) else None
    for node in (wrapped or root).named_children:
        text = _text(node, data)
        if node.type == "import_statement":
            pieces = [_text(one, data) for one in node.named_children]
            names = [re.sub(r".*\bas\s+|\..*", "", piece) for piece in pieces]
            form = f"import {_SLOT}"
            yield Import(pieces[0], (*names,), text, node.end_byte, (*pieces,), form)
        elif node.type in {"import_from_statement", "future_import_statement"}:
            fields = [_text(one, data) for one in node.named_children]
            future = node.type.startswith("future")
            module, pieces = ("__future__", fields) if future else (fields[0], fields[1:])
            names = [re.sub(r".*\bas\s+", "", piece) for piece in pieces]
            form = f"from {module} import {_SLOT}"
            yield Import(module, (*names,), text, node.end_byte, (*pieces,), form)


def _javascript(root: Node, data: bytes) -> Iterator[Import]:
    for node in root.named_children:
        text = _text(node, data)
        if node.type == "import_statement":
            clause, _, module = text.removeprefix("import").rpartition("from")
            braces = re.search(r"\{(.*)\}", clause, re.DOTALL)
            only_braces = bool(re.fullmatch(r"\s*\{.*\}\s*", clause, re.DOTALL))
            form = f"import {{ {_SLOT} }} from{module}" if only_braces else ""
        elif node.type in {"lexical_declaration", "variable_declaration"}:
            left, _, right = text.partition("=")
            if not is_require(right.strip()):
                continue
            clause, module = left.partition(" ")[2], right
            braces = re.search(r"\{(.*)\}", clause, re.DOTALL)
            form = f"{left.split()[0]} {{ {_SLOT} }} ={right}" if braces else ""
        else:
            continue
        pieces = [one.strip() for one in (braces[1] if braces else "").split(",") if one.strip()]
        names = [re.split(r"\s+as\s+|\s*:\s*", piece)[-1] for piece in pieces]
        rest = re.sub(r"\{.*\}", "", clause, flags=re.DOTALL)
        others = [found for found in re.findall(r"[\w$]+", rest) if found not in {"as", "type"}]
        form = form if not others else ""
        pieces = pieces if form else []
        where = re.sub(r"^\s*(?:await\s+import|require)?\s*\(?\s*['\"]|['\"].*$", "", module)
        yield Import(where, (*others, *names), text, node.end_byte, (*pieces,), form)


def _go(root: Node, data: bytes) -> Iterator[Import]:
    for node in root.named_children:
        if node.type != "import_declaration":
            continue
        for spec in re.finditer(r"(?:(\w+|\.)\s+)?(\"[^\"]+\")", _text(node, data)):
            alias = spec[1] if spec[1] != "import" else ""
            name = alias or spec[2].strip('"').rpartition("/")[2]
            line = f"import {alias} {spec[2]}" if alias else f"import {spec[2]}"
            yield Import(spec[2].strip('"'), (name,), line, node.end_byte)


def _rust(root: Node, data: bytes) -> Iterator[Import]:
    for node in root.named_children:
        if node.type == "use_declaration":
            text = _text(node, data)
            path = re.sub(r"^(?:pub )?use |;$", "", text)
            head, _, braces = path.partition("{")
            pieces = [one.strip() for one in braces.rstrip("} \n").split(",") if one.strip()]
            form = f"use {head}{{{_SLOT}}};" if pieces else ""
            names = [re.split(r"\s+as\s+|::", piece)[-1] for piece in pieces or [path]]
            yield Import(head, (*names,), text, node.end_byte, (*pieces,), form)


_READERS: dict[str, Callable[[Node, bytes], Iterator[Import]]] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _javascript,
    "tsx": _javascript,
    "go": _go,
    "rust": _rust,
}
