"""Make a missing function of what others in its file both spell out: no model has a hand in it."""

from __future__ import annotations

import asyncio
import re

from hotloop.levers.extraction import Wanted, extracted
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
from hotloop.workspace.testrun import TestOutcome

_PARAMETER = r"\s*(?:\*{0,2}|\.{3})[A-Za-z_]\w*\s*(?:[:=][^(),]*)?"


async def extract(
    parts: Parts, proving: Proving, before: TestOutcome, path: str, missing: str
) -> Found | None:
    """Test whether code that a file has twice is the function `missing`, `Class.name` for a method.

    Returns what passes more tests than `before`; None where nothing does, or the file has nothing
    twice. That the name is there now says nothing: code was only looked for to have it.
    """
    if not parts.has("slips"):
        return None
    source = parts.workspace.read_text(path).text
    holder, _, name = missing.rpartition(".")
    words = frozenset(re.findall(r"\w+", parts.goal))
    wanted = Wanted(name, _names(parameters_in(parts.goal, name)), holder, words)
    for text in await asyncio.to_thread(extracted, path, source, wanted):
        await proving.submit({path: text}, name)
    found = await proving.settle()
    return found if found and found.outcome.passed > before.passed else None


def parameters_in(goal: str, name: str) -> str | None:
    """Return the parameters that a goal has behind a function's name, None where it has none."""
    named = re.search(rf"\b{name}\(((?:{_PARAMETER}(?:,{_PARAMETER})*)?)\)", goal)
    return named[1] if named else None


def _names(parameters: str | None) -> tuple[str, ...] | None:
    """Return what parameters are called, None for none: `name()` is a way to say it, too."""
    words = (re.split("[=:]", one)[0].strip(" *.") for one in (parameters or "").split(","))
    return tuple(one for one in words if one not in {"", "self"}) or None
