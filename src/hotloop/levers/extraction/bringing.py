"""Bring a function into the files that are to call it, and what it reads into its own file."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from hotloop.levers.extraction.modules import Project, module_parts
from hotloop.levers.extraction.piece import Span


@dataclass(frozen=True)
class Access:
    """How a file gets at a function of another one: what stands before its name, and the edit."""

    prefix: str = ""
    edits: tuple[tuple[Span, str], ...] = ()


def access(project: Project, path: str, target: str, name: str, *, by_name: bool = False) -> Access:
    """Return how a file can call a function of the file `target`, in its own way of importing.

    With `by_name`, it is called by its name alone in any case.
    """
    if path == target:
        return Access()
    for node in project.imports(path):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom):
            is_it = project.file_of(module, node.level, path) == target
            if is_it and node.names[0].name != "*":
                last = node.names[-1]
                end = (last.end_lineno or last.lineno, last.end_col_offset or 0)
                return Access(edits=(((end, end), f", {name}"),))
        for alias in node.names:
            bound = alias.asname or alias.name
            inner = f"{module}.{alias.name}" if module else alias.name
            level = node.level if isinstance(node, ast.ImportFrom) else 0
            if project.file_of(inner, level, path) == target and not by_name:
                return Access(prefix=f"{bound}.")
    return Access(edits=(_new_import(project, path, target, name),))


def _new_import(project: Project, path: str, target: str, name: str) -> tuple[Span, str]:
    line = f"from {_module(project, path, target)} import {name}\n"
    tree = project.trees[path]
    imports = [*project.imports(path)]
    if imports:
        last = imports[-1]
        at = ((last.end_lineno or last.lineno) + 1, 0)
        return (at, at), line if not _is_standard(last) else f"\n{line}"
    has_docstring = ast.get_docstring(tree, clean=False) is not None
    if has_docstring:
        at = ((tree.body[0].end_lineno or 1) + 1, 0)
        return (at, at), f"\n{line}"
    first = tree.body[0]
    marked = getattr(first, "decorator_list", ())
    at = (min([first.lineno, *(one.lineno for one in marked)]), 0)
    return (at, at), f"{line}\n\n"


def _is_standard(node: ast.Import | ast.ImportFrom) -> bool:
    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    is_absolute = isinstance(node, ast.Import) or not node.level
    return is_absolute and (module or "").split(".")[0] in sys.stdlib_module_names


def _module(project: Project, path: str, target: str) -> str:
    """Return how a file names another one in an import: as it names those beside it."""
    relative = (one for one in project.imports(path) if isinstance(one, ast.ImportFrom))
    if any(one.level for one in relative):
        return _relative(path, target)
    return dotted(project, target)


def _relative(path: str, target: str) -> str:
    here, there = posixpath.dirname(path).split("/"), module_parts(target)
    folder = there[:-1]
    common = 0
    for one, other in zip(here, folder, strict=False):
        if one != other:
            break
        common += 1
    return "." * (len(here) - common + 1) + ".".join(there[common:])


def dotted(project: Project, target: str) -> str:
    """Return a file's name as a module: as files beside it are imported, else by its packages."""
    folder, parts = posixpath.dirname(target), module_parts(target)
    for path in project.trees:
        for node in project.imports(path):
            module = node.module if isinstance(node, ast.ImportFrom) and not node.level else None
            file = project.file_of(module, 0, path) if module else ""
            if module and file and file != target and posixpath.dirname(file) == folder:
                before = module.split(".")
                before = before if file.endswith("__init__.py") else before[:-1]
                return ".".join([*before, parts[-1]])
    at = len(parts) - 1
    while at > 0 and posixpath.join(*parts[:at], "__init__.py") in project.files:
        at -= 1
    return ".".join(parts[at:])


def brought(
    project: Project, source: str, target: str, names: Iterable[str], changed: frozenset[str]
) -> list[str] | None:
    """Return the lines that `target` needs so that code of `source` means the same there.

    None where it cannot: a name means something else there, or its import would be a circle.
    """
    lines: list[str] = []
    for name in sorted(names):
        there, here = project.origin(target, name), project.origin(source, name)
        if here is None:
            return None
        if here == there or here.module == "builtins":
            continue
        found = None if there else _line(project, source, target, name, changed)
        if found is None:
            return None
        lines += found
    return lines


def _line(
    project: Project, source: str, target: str, name: str, changed: frozenset[str]
) -> list[str] | None:
    """Return what brings a name of one file into another."""
    node = project.importing(source, name)
    if node is None:
        return _constant(project, source, target, name, changed)
    loaded = [*project.imported_files(source, node)]
    if any(one in changed or project.reaches(one, target) for one in loaded):
        return None
    (alias,) = (one for one in node.names if name == (one.asname or one.name.split(".")[0]))
    if isinstance(node, ast.Import):
        return [ast.unparse(ast.Import(names=[alias]))]
    module = "." * node.level + (node.module or "")
    if node.level and posixpath.dirname(source) != posixpath.dirname(target):
        if not loaded or not node.module:
            return None
        module = _relative(target, loaded[-1])
    return [f"from {module} import {ast.unparse(alias)}"]


def _constant(
    project: Project, source: str, target: str, name: str, changed: frozenset[str]
) -> list[str] | None:
    """Return a constant's code with what it needs itself; None for what is none."""
    node = project.definition(source, name)
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return None
    read = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {name}
    needed = brought(project, source, target, read, changed)
    return None if needed is None else [*needed, ast.unparse(node)]
