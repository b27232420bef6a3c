"""Make a missing function of what others both spell out: no model has a hand in it."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator

from hotloop.levers.extraction import Wanted, extracted
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
from hotloop.workspace.related import related
from hotloop.workspace.testrun import TestOutcome

_PARAMETER = r"\s*(?:\*{0,2}|\.{3})[A-Za-z_]\w*\s*(?:[:=][^(),]*)?"


async def extract(
    parts: Parts, proving: Proving, before: TestOutcome, path: str, missing: str
) -> Found | None:
    """Test whether code that is there twice is the function `missing`, `Class.name` for a method.

    It is looked for in the file that it is to be in and in those that have to do with it. Returns
    what passes more tests than `before`; None where nothing does, or nothing is there twice. That
    the name is there now says nothing: code was only looked for to have it.
    """
    if not parts.has("slips"):
        return None
    holder, _, name = missing.rpartition(".")
    words = frozenset(re.findall(r"\w+", parts.goal))
    wanted = Wanted(name, _names(parameters_in(parts.goal, name)), holder, words)
    for texts in await asyncio.to_thread(_candidates, parts, before, path, wanted):
        await proving.submit(texts, name)
    found = await proving.settle()
    return found if found and found.outcome.passed > before.passed else None


def _candidates(
    parts: Parts, before: TestOutcome, path: str, wanted: Wanted
) -> list[dict[str, str]]:
    if not path.endswith(".py"):
        return []
    tests = {one.path for one in before.failures if one.path.endswith(".py")}
    sources = related(parts.workspace, path, parts.goal, tests)
    return extracted(path, sources, wanted, parts.workspace.files())


def names_in_tests(parts: Parts, before: TestOutcome, path: str) -> list[str]:
    """Return what failing tests use of a module that is not there, and the goal names."""
    stem = path.rpartition("/")[2].removesuffix(".py")
    tests = dict.fromkeys(one.path for one in before.failures if one.path.endswith(".py"))
    texts = (parts.workspace.read_text(one).text for one in tests)
    found = dict.fromkeys(name for text in texts for name in _used(text, stem))
    return [one for one in found if re.search(rf"\b{one}\b", parts.goal)]


def _used(text: str, stem: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                yield from (x.name for x in names if module.rpartition(".")[2] == stem)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == stem:
                yield attribute
            case _:
                pass


def parameters_in(goal: str, name: str) -> str | None:
    """Return the parameters that a goal has behind a function's name, None where it has none."""
    named = re.search(rf"\b{name}\(((?:{_PARAMETER}(?:,{_PARAMETER})*)?)\)", goal)
    return named[1] if named else None


def _names(parameters: str | None) -> tuple[str, ...] | None:
    """Return what parameters are called, None for none: `name()` is a way to say it, too."""
    words = (re.split("[=:]", one)[0].strip(" *.") for one in (parameters or "").split(","))
    return tuple(one for one in words if one not in {"", "self"}) or None
