"""A file as far as it matters: what a small model need not see costs prefill all the same."""

from __future__ import annotations

import re
from collections.abc import Collection

from hotloop.workspace.definitions import Definition, definitions

_CALLABLE = {"function", "method"}


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
