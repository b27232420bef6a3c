"""Let a model say the fix first: a comment begun before a suspect line makes it write another one.

Asked for a corrected definition, a small model copies it. With a comment that announces a fix
already begun at the suspect line, it names the change and then makes it there. What it writes
behind the comment is put back into the source in the ways that make sense. It need not copy the
rest: the server ends its answer where two lines in a row are the source's again.
"""

from __future__ import annotations

import itertools
import re

_REMARK = " Fix:"
_MOST_LINES = 4
_MOST_RETURNS = 3
_NO_CODE = re.compile(r"[\s})\];,]*")


def begun(source: str, start: int, sign: str) -> str:
    """Return the source before the line at offset `start`, and a comment begun with `sign`."""
    line = source[start:].split("\n", 1)[0]
    indent = line[: len(line) - len(line.lstrip())]
    return source[:start] + indent + sign + _REMARK


def returns(source: str, start: int) -> list[str]:
    """Return strings at which an answer behind a comment at `start` is back in the source.

    Each is two lines of code in a row below the suspect line. There are so few of them because
    endpoints take four stop strings.
    """
    return [text for _, text in _returns(source[start:].split("\n"))]


def _returns(old: list[str]) -> list[tuple[int, str]]:
    code = [place for place, line in enumerate(old) if not _NO_CODE.fullmatch(line)]
    pairs = list(itertools.pairwise(code))[1 : 1 + _MOST_RETURNS]
    return [
        (first, "".join(f"\n{line}" for line in old[first : second + 1]) + "\n")
        for first, second in pairs
    ]


def rejoined(
    source: str, start: int, answer: str, *, is_whole: bool, is_back: bool = False
) -> list[str]:
    """Return what the source may become by an answer behind the comment begun at `start`.

    The answer starts in the comment, which is left out. `is_whole` says that it goes on to the
    definition's end, `is_back` that one of `returns` ended it. It may also meet the source again
    further down, stand instead of the line or of as many lines as it has, or before it. Likeliest
    first; without doubles.
    """
    head = source[:start].split("\n")[:-1]
    old, new = source[start:].split("\n"), answer.split("\n")[1:]
    found = [[*head, *new]] if is_whole else []
    if is_back:
        places = sorted((place for place, _ in _returns(old)), key=lambda at: abs(at - len(new)))
        found += [[*head, *new, *old[place:]] for place in places]
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
