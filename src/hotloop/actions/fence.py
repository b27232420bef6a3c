"""Code blocks between fences, one inside another where a file shows fences of its own."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^([ \t]*)(`{3,})([^`\n]*)$")


class Fence:
    """An open code block. `info` is what stands behind its opening fence.

    A fence with an info string inside the block opens an inner one, whose closing fence belongs
    to the block's text; a fence indented less, or longer, than that of an inner block closes both.
    """

    def __init__(self, indent: int, ticks: int, info: str) -> None:
        self.info = info
        self.lines: list[str] = []
        self._indent = indent
        self._open = [(indent, ticks)]

    @property
    def language(self) -> str:
        """Return the first word of the info string, in lower case."""
        return self.info.split(" ")[0].lower()

    @property
    def is_empty(self) -> bool:
        """Say whether nothing but white space is in it so far."""
        return not any(line.strip() for line in self.lines)

    @property
    def text(self) -> str:
        """Return its lines without the indentation of its opening fence."""
        return "\n".join(line[_spaces(line, self._indent) :] for line in self.lines)

    def take(self, line: str) -> bool:
        """Take a line; say whether it closed the block."""
        if self._closes(line):
            return True
        self.lines.append(line)
        return False

    def _closes(self, line: str) -> bool:
        match = _FENCE.match(line.rstrip())
        if match is None:
            return False
        indent, ticks = len(match[1]), len(match[2])
        if match[3].strip():
            self._open.append((indent, ticks))
            return False
        while len(self._open) > 1 and self._is_outside_inner(indent, ticks):
            self._open.pop()
        opened_indent, opened_ticks = self._open[-1]
        if ticks < opened_ticks or (len(self._open) == 1 and indent > opened_indent):
            return False
        self._open.pop()
        return not self._open

    def _is_outside_inner(self, indent: int, ticks: int) -> bool:
        """Say whether a closing fence can only be of a block around the innermost one."""
        inner_indent, inner_ticks = self._open[-1]
        return indent < inner_indent or ticks > inner_ticks


def open_fence(line: str) -> Fence | None:
    """Return the block that a line opens, None if it opens none."""
    match = _FENCE.match(line.rstrip())
    return Fence(len(match[1]), len(match[2]), match[3].strip()) if match else None


def _spaces(line: str, most: int) -> int:
    return min(most, len(line) - len(line.lstrip(" \t")))
