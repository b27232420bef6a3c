"""Make a missing function of what others both spell out: no model has a hand in it."""

from __future__ import annotations

import ast
import asyncio
import itertools
import re
from collections.abc import Iterator, Sequence

from hotloop.levers.extraction import Wanted, extracted
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
from hotloop.workspace.definitions import definitions
from hotloop.workspace.related import related
from hotloop.workspace.testrun import TestOutcome

_MOST_WAYS = 16
_PARAMETER = r"\s*(?:\*{0,2}|\.{3})[A-Za-z_]\w*\s*(?:[:=][^(),]*)?"


async def extract(
    parts: Parts, proving: Proving, before: TestOutcome, path: str, missing: Sequence[str]
) -> Found | None:
    """Test whether code that is there twice is one of the functions `missing`, or all of them.

    A method is `Class.name`. Code is looked for in the file that is to have it and in those that
    have to do with it. Returns what passes more tests than `before`; None where nothing does, or
    nothing is there twice. That a name is there now says nothing: code was only looked for to have
    it. Where tests import several names at once, only all together pass.
    """
    if not parts.has("slips") or not path.endswith(".py"):
        return None
    wanted = _names_in_tests(parts, before, path)
    together: list[tuple[str, ...]] = [(one,) for one in missing or wanted]
    if len(wanted) > 1:
        together.append(tuple(wanted))
    for names in together:
        for texts in await asyncio.to_thread(_candidates, parts, before, path, names):
            await proving.submit(texts, names[0] if len(names) == 1 else "")
        found = await proving.settle()
        if found and found.outcome.passed > before.passed:
            return found
    return None


def _candidates(
    parts: Parts, before: TestOutcome, path: str, names: Sequence[str]
) -> list[dict[str, str]]:
    tests = {one.path for one in before.failures if one.path.endswith(".py")}
    sources = related(parts.workspace, path, parts.goal, tests)
    most_each = max(2, int(_MOST_WAYS ** (1 / len(names))))
    return [*itertools.islice(_ways(parts, path, sources, names, most_each), _MOST_WAYS)]


def _ways(
    parts: Parts, path: str, sources: dict[str, str], names: Sequence[str], most_each: int
) -> Iterator[dict[str, str]]:
    """Yield what files become with the first name made, and the others of what that leaves."""
    holder, _, name = names[0].rpartition(".")
    words = frozenset(re.findall(r"\w+", parts.goal))
    wanted = Wanted(name, _names(parameters_in(parts.goal, name)), holder, words)
    for way in extracted(path, sources, wanted, parts.workspace.files())[:most_each]:
        if len(names) == 1:
            yield way
            continue
        for rest in _ways(parts, path, sources | way, names[1:], most_each):
            yield way | rest


def _names_in_tests(parts: Parts, before: TestOutcome, path: str) -> list[str]:
    """Return what failing tests use of a module and the goal names, and is not there."""
    file = parts.workspace.root / path
    text = parts.workspace.read_text(path).text if file.is_file() else ""
    there = {one.name for one in definitions(path, text)}
    stem = path.rpartition("/")[2].removesuffix(".py")
    tests = dict.fromkeys(one.path for one in before.failures if one.path.endswith(".py"))
    texts = (parts.workspace.read_text(one).text for one in tests)
    found = dict.fromkeys(name for text in texts for name in _used(text, stem))
    is_named = re.compile(r"\w+").findall(parts.goal)
    return [one for one in found if one in is_named and one not in there]


def _used(text: str, stem: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    nodes = [*ast.walk(tree)]
    imports = (one for one in nodes if isinstance(one, ast.Import | ast.ImportFrom))
    is_imported = any(name.name.rpartition(".")[2] == stem for one in imports for name in one.names)
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                yield from (x.name for x in names if module.rpartition(".")[2] == stem)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                yield from [attribute] if is_imported and name == stem else []
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
