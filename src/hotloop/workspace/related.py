"""The Python files that a change of one of them could touch as well."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from hotloop.errors import ToolError
from hotloop.workspace.failures import is_test_path
from hotloop.workspace.missing import python_module
from hotloop.workspace.root import Workspace

_MOST_FILES = 12
_MOST_READ = 200
_MOST_BYTES = 60_000
_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+\(?([\w, ]*)|import\s+([\w.]+))", re.M)
_FUNCTION = re.compile(r"^\s*(?:async )?def (\w+)", re.M)


def related(workspace: Workspace, path: str, goal: str, tests: Collection[str]) -> dict[str, str]:
    """Return a Python file and those that may be concerned with it, by path, at most twelve.

    First it itself, if it is there, then what the goal names (a file, or a function in it), what
    the test files import, what it imports and what imports it.
    """
    files = [one for one in workspace.files() if one.endswith(".py")]
    near = sorted(files, key=lambda one: (one != path, is_test_path(one), _distance(one, path)))
    texts = dict(_texts(workspace, near[:_MOST_READ]))
    tested = {file for test in tests for file in _imports(workspace, texts, test, files)}
    own = {*_imports(workspace, texts, path, files)}
    words = {*re.findall(r"\w+", goal)}
    ranked = {
        one: _rank(one, path, text, words, (tested, own, {*_imported(one, text, files)}))
        for one, text in texts.items()
        if one == path or not is_test_path(one)
    }
    kept = sorted((rank, one) for one, rank in ranked.items() if rank is not None)
    return {one: texts[one] for _, one in kept[:_MOST_FILES]}


def _rank(
    one: str, path: str, text: str, words: set[str], links: tuple[set[str], set[str], set[str]]
) -> int | None:
    tested, own, imported = links
    if one == path:
        return 0
    functions = {name for name in _FUNCTION.findall(text) if "_" in name.strip("_")}
    if PurePosixPath(one).stem in words or functions & words:
        return 1
    if one in tested:
        return 2
    return 3 if one in own or path in imported else None


def _distance(one: str, path: str) -> int:
    some, others = one.split("/"), path.split("/")
    same = sum(a == b for a, b in zip(some, others, strict=False))
    return len(some) + len(others) - 2 * same


def _texts(workspace: Workspace, files: Collection[str]) -> Iterator[tuple[str, str]]:
    for one in files:
        try:
            text = workspace.read_text(one).text
        except ToolError:
            continue
        if len(text) <= _MOST_BYTES:
            yield one, text


def _imports(
    workspace: Workspace, texts: Mapping[str, str], path: str, files: Collection[str]
) -> Iterator[str]:
    if path not in files:
        return
    text = texts[path] if path in texts else dict(_texts(workspace, [path])).get(path, "")
    yield from _imported(path, text, files)


def _imported(path: str, text: str, files: Collection[str]) -> Iterator[str]:
    """Yield the files that a file's imports may mean."""
    folder = PurePosixPath(path).parent
    for module, names, plain in _IMPORT.findall(text):
        dots = len(module) - len(module.lstrip("."))
        base = [folder, *folder.parents][min(dots, len(folder.parents) + 1) - 1] if dots else None
        before = ".".join(base.parts) if base else ""
        whole = ".".join(one for one in (before, (module or plain).lstrip(".")) if one)
        inner = [f"{whole}.{name}" for name in re.findall(r"\w+", names)]
        yield from (found for one in (whole, *inner) if (found := python_module(one, files)))
