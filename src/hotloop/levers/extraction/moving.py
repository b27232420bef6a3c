"""Move a function that is there already, in one file or alike in several, to where it shall be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hotloop.errors import ToolError
from hotloop.levers.extraction.bringing import access, brought
from hotloop.levers.extraction.modules import Project
from hotloop.levers.extraction.piece import FunctionNode
from hotloop.levers.extraction.reading import bound_names
from hotloop.levers.extraction.writing import Lines
from hotloop.workspace.definitions import replace_definitions


def moved(project: Project, path: str, name: str) -> Iterator[dict[str, str]]:
    """Yield the files with the function `name` of other files in the file `path`, and imported."""
    found = {
        file: node
        for file in project.trees
        if file != path and not project.reaches(path, file)
        if isinstance(node := project.definition(file, name), FunctionNode)
    }
    if len({_code(node) for node in found.values()}) != 1:
        return
    source, node = next(iter(found.items()))
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    names -= bound_names([node.args, *node.body]) | {name}
    needed = brought(project, source, path, names, frozenset(found))
    if needed is None:
        return
    lines = Lines(project.sources[source]).between(*_span(node))
    code = "\n".join([*needed, lines])
    try:
        text = replace_definitions(path, project.sources.get(path, ""), code)[0]
    except ToolError:
        return
    yield {
        path: text,
        **{file: _without(project, path, file, node) for file, node in found.items()},
    }


def _code(node: FunctionNode) -> str:
    has_docstring = ast.get_docstring(node) is not None
    return ast.dump(node.args) + "".join(map(ast.dump, node.body[has_docstring:]))


def _span(node: FunctionNode) -> tuple[tuple[int, int], tuple[int, int]]:
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return (first, 0), (node.end_lineno or node.lineno, node.end_col_offset or 0)


def _without(project: Project, path: str, file: str, node: FunctionNode) -> str:
    """Return a file without a function, but with an import of it."""
    way = access(project, file, path, node.name, by_name=True)
    start, _ = _span(node)
    behind = (one for one in project.trees[file].body if one.lineno > node.lineno)
    following = next(behind, None)
    marks = getattr(following, "decorator_list", ())
    last = len(project.sources[file].split("\n"))
    line = min([one.lineno for one in (following, *marks) if one], default=last)
    edits = [*way.edits, ((start, (line, 0)), "")]
    return Lines(project.sources[file]).replaced(edits).rstrip("\n") + "\n"
