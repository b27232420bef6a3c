"""Let a model say the fix first: a comment begun before a suspect line makes it write another one.

Asked for a corrected definition, a small model copies it. With a comment that announces a fix
already begun at the suspect line, it names the change and then makes it there. What it writes
behind the comment is put back into the source in the ways that make sense.
"""

from __future__ import annotations

import re

import msgspec

_REMARK = " Fix:"
_MOST_LINES = 4
_AGREED_LINES = 2
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
    course = _course(new, old)
    if course.changed and course.agreed:
        found.append([*head, *new[: course.at], *old[course.place :]])
    meets = _meeting(new, old)
    if meets is not None:
        at, place = meets
        found.append([*head, *new[:at], *old[place:]])
    for count in range(1, min(_MOST_LINES, len(new)) + 1):
        found += [[*head, *new[:count], *old[1:]], [*head, *new[:count], *old]]
        if count > 1:
            found.append([*head, *new[:count], *old[count:]])
    return list(dict.fromkeys("\n".join(one) for one in found))


def is_settled(source: str, start: int, answer: str) -> bool:
    """Whether an answer behind a comment has made a change and only copies the source since.

    Then the rest is known, and need not be waited for. The last line does not count: it may go on.
    """
    old, new = source[start:].split("\n"), answer.split("\n")[1:-1]
    course = _course(new, old)
    rest = old[course.place :]
    at_end = course.agreed > 0 and all(_NO_CODE.fullmatch(line) for line in rest)
    return course.changed and (course.agreed >= _AGREED_LINES or at_end)


class _Course(msgspec.Struct, frozen=True):
    """How new lines go along old ones: up to `at` of the new they led to `place` of the old.

    `changed` says that they differ before that, `agreed` how many lines are the same since.
    """

    changed: bool = False
    agreed: int = 0
    at: int = 0
    place: int = 0


def _course(new: list[str], old: list[str]) -> _Course:
    changed, agreed, at, place = False, 0, 0, 0
    for number, line in enumerate(new):
        if _NO_CODE.fullmatch(line):
            continue
        if line not in old[place:]:
            changed, agreed = True, 0
            continue
        met = old.index(line, place)
        if any(not _NO_CODE.fullmatch(one) for one in old[place:met]):
            changed, agreed = True, 0
        agreed, at, place = agreed + 1, number + 1, met + 1
    return _Course(changed, agreed, at, place)


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
