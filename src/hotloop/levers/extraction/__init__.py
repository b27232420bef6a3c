"""Extract a function: what two functions of a file both spell out becomes one that both call.

"Pull this out into f" names the result and leaves the work, which is mechanical: find the largest
code that two places have in common, make what differs its parameters, and call it in both. For a
small model it is the hardest kind of task (several places at once), for a syntax tree the easiest.
Where the parameters are named, code that stands in one place only may be it, too. Python only.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterator, Mapping

from hotloop.errors import ToolError
from hotloop.levers.extraction.bringing import Access, access, brought
from hotloop.levers.extraction.matching import Shared, Wanted, shared
from hotloop.levers.extraction.modules import Project
from hotloop.levers.extraction.moving import moved
from hotloop.levers.extraction.piece import Span
from hotloop.levers.extraction.writing import (
    Lines,
    call_edits,
    call_text,
    function_text,
    parameter_names,
    without_name,
)
from hotloop.workspace.definitions import replace_definitions

__all__ = ["Wanted", "extracted"]
_MOST_TEXTS = 12


def extracted(
    path: str, sources: Mapping[str, str], wanted: Wanted, files: Collection[str] = ()
) -> list[dict[str, str]]:
    """Return what files become with code of several places made the function `wanted` of `path`.

    `sources` are the texts to look in by path, that of `path` among them unless the file is to be
    made; `files` are the paths of the whole project, for the sake of its imports. Each item has
    the files that change; those that save the most code come first.
    """
    if not path.endswith(".py"):
        return []
    project = Project(sources, [*files, path])
    if path in sources and path not in project.trees:
        return []
    found = sorted(shared(project, path, wanted), key=lambda one: -one.promise(wanted))
    changes = (change for one in found for change in _changes(project, path, one, wanted))
    if not wanted.holder:
        changes = itertools.chain(moved(project, path, wanted.name), changes)
    unique: list[dict[str, str]] = []
    for one in itertools.islice(changes, 2 * _MOST_TEXTS):
        if one not in unique:
            unique.append(one)
        if len(unique) == _MOST_TEXTS:
            break
    return unique


def _changes(
    project: Project, path: str, found: Shared, wanted: Wanted
) -> Iterator[dict[str, str]]:
    changed = frozenset(one.owner.path for one in found.pieces)
    names = found.globals
    first = found.pieces[0].owner.path
    needed = [] if first == path else brought(project, first, path, names, changed)
    if needed is None:
        return
    for parameters in _orders(found, wanted):
        texts = _with_calls(project, path, found, wanted, parameters)
        own = Lines(project.sources[first])
        body = function_text(own, found.pieces[0], found.common, parameters)
        order = sorted(parameters, key=lambda one: _place(one, wanted))
        code = _definition(wanted, order, body, is_bound="self" in found.names)
        text = texts.get(path, project.sources.get(path, ""))
        try:
            text = replace_definitions(path, text, "\n".join([*needed, code]))[0]
            texts[path] = text
            for one in texts.values():
                ast.parse(one)  # an `elif` is no statement that a call could stand for
        except (SyntaxError, ToolError):
            continue
        yield texts


def _with_calls(
    project: Project, path: str, found: Shared, wanted: Wanted, parameters: list[str]
) -> dict[str, str]:
    """Return the files of the pieces with calls in their place."""
    order = sorted(range(len(parameters)), key=lambda at: _place(parameters[at], wanted))
    edits: dict[str, list[tuple[Span, str]]] = {}
    for file in dict.fromkeys(one.owner.path for one in found.pieces):
        way = Access("self.") if wanted.holder else access(project, file, path, wanted.name)
        edits[file] = [*way.edits]
        inside = [(at, one) for at, one in enumerate(found.pieces) if one.owner.path == file]
        if not way.prefix:
            edits[file] += without_name([one for _, one in inside], wanted.name)
        for at, piece in inside:
            values = found.values(at)
            call = call_text(f"{way.prefix}{wanted.name}", [values[one] for one in order])
            is_taken = not way.prefix and wanted.name in piece.owner.local
            edits[file] += call_edits(piece, call, wanted.name if is_taken else "")
    return {file: Lines(project.sources[file]).replaced(some) for file, some in edits.items()}


def _definition(wanted: Wanted, parameters: list[str], body: str, *, is_bound: bool) -> str:
    """Return the function; as a method static where it has no use for its object."""
    own = ["self"] if wanted.holder and is_bound else []
    code = f"def {wanted.name}({', '.join([*own, *parameters])}):\n{body}"
    if not wanted.holder:
        return code
    code = code if is_bound else f"@staticmethod\n{code}"
    return f"class {wanted.holder}:\n" + "".join(f"    {line}\n" for line in code.split("\n"))


def _orders(shared: Shared, wanted: Wanted) -> Iterator[list[str]]:
    """Yield the parameters' names, hole by hole: by what stands there, else in their order."""
    holes = list(shared.common.holes)
    if wanted.parameters is None:
        yield parameter_names(holes, shared.names)
        return
    if shared.fixed & {*wanted.parameters}:
        return
    free = [*wanted.parameters]
    named: dict[int, str] = {}
    for at, hole in enumerate(holes):
        for name in (text.rpartition(".")[2] for text in hole):
            if name in free and at not in named:
                named[at] = name
                free.remove(name)
    others = [at for at in range(len(holes)) if at not in named]
    for order in itertools.permutations(free):
        given = named | dict(zip(others, order, strict=True))
        yield [given[at] for at in range(len(holes))]


def _place(name: str, wanted: Wanted) -> int:
    return wanted.parameters.index(name) if wanted.parameters is not None else 0
