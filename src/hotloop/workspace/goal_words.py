"""How much more suspect the words of a goal make a definition."""

from __future__ import annotations

import re

_TOLD = 1.3
_NAMED = 1.15
_ALIKE = 0.1
_LEAST_CHARS = 4
_ENDING_CHARS = 2
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PROSE = re.compile(r"[A-Za-z]+")


def emphasis(name: str, goal: str) -> float:
    """Return a factor from 1 on for a definition called `name`.

    Highest where the goal asks to fix it by name, less where it names it as code, least where
    it only has words like those of the name (`billed_hours`: billed, hour).
    """
    escaped = re.escape(name)
    if re.search(rf"\b(?:[Ff]ix|[Rr]epair|[Cc]orrect) (?:the )?`?{escaped}\b", goal):
        return _TOLD
    if _is_named(name, goal):
        return _NAMED
    return 1.0 + _ALIKE * _likeness(name, goal)


def _is_named(name: str, goal: str) -> bool:
    """Say whether a goal names a definition as code: `name`, name(…), or a name of two words."""
    escaped = re.escape(name)
    has_two_words = "_" in name.strip("_") or re.search(r"[a-z][A-Z]", name)
    code = rf"\b{escaped}\(|`{escaped}`" + rf"|\b{escaped}\b" * bool(has_two_words)
    return bool(re.search(code, goal))


def _likeness(name: str, goal: str) -> float:
    """Return the share of a name's words that the goal has too, whatever their endings."""
    words = [one.lower() for one in _PART.findall(name) if len(one) >= _LEAST_CHARS]
    stems = tuple(one[: max(_LEAST_CHARS, len(one) - _ENDING_CHARS)] for one in words)
    prose = [one.lower() for one in _PROSE.findall(goal)]
    alike = sum(any(word.startswith(stem) for word in prose) for stem in stems)
    return alike / len(stems) if stems else 0.0
