"""A file as far as it matters: what a small model need not see costs prefill all the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from hotloop.workspace.definitions import Definition, definitions
from hotloop.workspace.named import Index
from hotloop.workspace.root import Workspace

_CALLABLE = {"function", "method"}
_MOST_CLASSES = 3
_MOST_MEMBERS = 16
_PARAMETERS = re.compile(r"\(([^()]*)\)")
_SET_HERE = re.compile(r"\b(?:self|this)\.(\w+) = ")
_FIELD = re.compile(r"^\s+(\w+): ", re.MULTILINE)


def outlined(path: str, text: str, words: Collection[str], *, most_lines: int = 5) -> str:
    """Return a file without the bodies of functions whose names are not in `words`.

    Those of up to `most_lines` stay.
    """
    lines = text.split("\n")
    for one in reversed(definitions(path, text)):
        is_long = one.end_line - one.start_line >= most_lines
        if one.kind in _CALLABLE and is_long and one.name not in words:
            lines[one.start_line - 1 : one.end_line] = _head(path, one, lines)
    return "\n".join(lines)


def _head(path: str, one: Definition, lines: list[str]) -> list[str]:
    """Return a definition's lines up to where its body opens, and dots instead of the body."""
    source = lines[one.start_line - 1 : one.end_line]
    opens = re.compile(r":\s*(?:#.*)?$" if path.endswith(".py") else r"\{\s*$")
    for count, line in enumerate(source, 1):
        if opens.search(line):
            rest = [] if path.endswith(".py") else source[-1:]
            return [*source[:count], f"{one.indent}    ...", *rest]
    return source


def offered(workspace: Workspace, path: str) -> str:
    """Return what the classes offer that a file imports from the workspace, a line for each."""
    index = Index(workspace.root, workspace.files())
    words = {*re.findall(r"\w+", index.text(path))}
    classes = [
        (file, one)
        for file in index.imports(path)
        for one in index.of(file)
        if one.kind == "class" and one.name in words
    ]
    lines = [
        f"{one.name} in {file} has {', '.join([*_members(index, file, one)][:_MOST_MEMBERS])}"
        for file, one in classes[:_MOST_CLASSES]
    ]
    return "".join(f"{line}\n" for line in lines)


def _members(index: Index, file: str, owner: Definition) -> Iterator[str]:
    """Yield the fields, then the methods of a class with their parameters; no private ones."""
    code = index.code(file, owner)
    fields = [*_FIELD.findall(code.partition("def ")[0]), *_SET_HERE.findall(code)]
    yield from dict.fromkeys(one for one in fields if not one.startswith("_"))
    for one in index.of(file):
        if one.parent != owner.qualified_name or one.kind not in _CALLABLE:
            continue
        if one.name.startswith("_") or one.name == "constructor":
            continue
        head = index.code(file, one)
        found = _PARAMETERS.search(head)
        names = re.sub(r"^(?:self|cls)(?:, )?", "", found[1]) if found else ""
        is_value = "@property" in head or re.match(r"\s*get ", head)
        yield one.name if is_value else f"{one.name}({names})"
