"""Find C functions by their braces, for there is no grammar of C here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_FUNCTION = re.compile(rb"^(?![#\s}])[^;{}()#]*?\b([A-Za-z_]\w*)\s*\([^;{}]*\)\s*\{", re.MULTILINE)
_NOISE = re.compile(rb'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
_COMMENT_ABOVE = re.compile(
    rb"(?:/\*(?:(?!\*/).)*\*/[ \t]*\n|(?:^//[^\n]*\n)+)\Z", re.DOTALL | re.MULTILINE
)


class Span(msgspec.Struct, frozen=True):
    """Bytes of a function: `start` at the comment above it, `head` at its return type."""

    name: str
    start: int
    head: int
    end: int


def c_functions(source: bytes) -> Iterator[Span]:
    """Yield functions that begin in the first column; braces in strings do not count."""
    code = _NOISE.sub(lambda found: re.sub(rb"[^\n]", b" ", found[0]), source)
    for found in _FUNCTION.finditer(code):
        head = found.start()
        above = _COMMENT_ABOVE.search(source[:head])
        start = above.start() if above else head
        yield Span(found[1].decode(), start, head, _closing_brace(code, found.end()))


def _closing_brace(code: bytes, at: int) -> int:
    depth = 1
    for brace in re.finditer(rb"[{}]", code[at:]):
        depth += 1 if brace[0] == b"{" else -1
        if depth == 0:
            return at + brace.end()
    return len(code)
