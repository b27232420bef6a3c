"""Let a model say the fix first: a comment begun before a suspect line makes it write another one.

Asked for a corrected definition, a small model copies it. With a comment that announces a fix
already begun at the suspect line, it names the change and then makes it there. What it writes
behind the comment is put back into the source in the ways that make sense.
"""

from __future__ import annotations

import re

_REMARK = " Fix:"
_MOST_LINES = 4
_NO_CODE = re.compile(r"[\s})\];,]*")


def begun(source: str, start: int, sign: str) -> str:
    """Return the source before the line at offset `start`, and a comment begun with `sign`."""
    line = source[start:].split("\n", 1)[0]
    indent = line[: len(line) - len(line.lstrip())]
    return source[:start] + indent + sign + _REMARK


def rejoined(source: str, start: int, answer: str, *, is_whole: bool) -> list[str]:
    """Return what the source may become by an answer behind the comment begun at `start`.

    The answer starts in the comment, which is left out. `is_whole` says that it goes on to the
    definition's end. It may also meet the source again further down, stand instead of the line or
    of as many lines as it has, or before it. Likeliest first; without doubles.
    """
    head = source[:start].split("\n")[:-1]
    old, new = source[start:].split("\n"), answer.split("\n")[1:]
    found = [[*head, *new]] if is_whole else []
    meets = _meeting(new, old)
    if meets is not None:
        at, place = meets
        found.append([*head, *new[:at], *old[place:]])
    for count in range(1, min(_MOST_LINES, len(new)) + 1):
        found += [[*head, *new[:count], *old[1:]], [*head, *new[:count], *old]]
        if count > 1:
            found.append([*head, *new[:count], *old[count:]])
    return list(dict.fromkeys("\n".join(one) for one in found))


def _meeting(new: list[str], old: list[str]) -> tuple[int, int] | None:
    """Return where new lines first meet an old one again: the index in each."""
    for at, one in enumerate(new):
        if not _NO_CODE.fullmatch(one) and one in old:
            return at, old.index(one)
    return None


def places(source: str, start: int) -> list[int]:
    """Return the offsets of the lines from `start` on that hold code, not only brackets."""
    found: list[int] = []
    for line in source[start:].split("\n"):
        if not _NO_CODE.fullmatch(line):
            found.append(start)
        start += len(line) + 1
    return found
