"""Lever `prefetch`: what belongs into the first message, so that the first answer can edit.

Files are ranked by what ties them to the goal: it names them, they define what it names, they test
one of those, they are imported by one of those. Whole files are shown while there is room, since a
look at a part of a file is mostly followed by a look at the rest.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from hotloop.errors import HotloopError
from hotloop.workspace.failures import is_test_path
from hotloop.workspace.search import Match
from hotloop.workspace.syntax import language_of

if TYPE_CHECKING:
    from pathlib import Path

    from hotloop.workspace.repomap import RepoMap

MOST_CHARS = 10_000
"""Characters of files in the first message, about 2,500 tokens."""
FILE_CHARS = 4_000
MOST_S = 0.15
MAP_FILES = 30
"""Source files from which on a repository is large."""
MAP_CHARS = 1_600
"""Characters of a map, about 400 tokens."""
MAP_S = 0.2
_MOST_MAPPED = 2_000
_MOST_TESTS_READ = 60
_WORD = re.compile(r"[\w./-]+")
_DEFINES = r"\b(?:def|class|function|fn|func|const|let|struct|interface|type)\s+(?:\([^)]*\)\s*)?"
_PYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+([\w, ]+)|import\s+([\w.]+))", re.M)
_OTHER_IMPORT = re.compile(r"(?:from\s*|require\(\s*|import\s*|#include\s*)[\"']([^\"'\n]+)[\"']")
_SUFFIXES = ("", ".py", "/__init__.py", ".js", ".mjs", ".cjs", ".ts", ".tsx", "/index.js")

Read = Callable[[str], str]


class Shown(msgspec.Struct, frozen=True):
    """A file for the first message: its path, its text, and why it is there."""

    path: str
    text: str
    why: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up: the text for the first message, and the files that stand in it.

    `files` are all of the workspace's, None where they were not listed; `mapped` are those in the
    map of the repository, if there is one in the text.
    """

    text: str = ""
    files: tuple[str, ...] | None = None
    shown: tuple[Shown, ...] = ()
    mapped: tuple[str, ...] = ()


def choose(
    goal: str,
    names: Sequence[str],
    files: Sequence[str],
    hits: Sequence[Match],
    read: Read,
    *,
    most_s: float = MOST_S,
    sparing: bool = False,
) -> list[Shown]:
    """Return the files to show, best first, within `MOST_CHARS` and `most_s` seconds.

    With `sparing` these are only files that the goal names: for a model that reads slowly.

    `names` are what the goal speaks of, `hits` where they stand. `read` returns a file's text and
    raises HotloopError for what is none.
    """
    due_s = time.monotonic() + most_s
    texts: dict[str, str] = {}

    def text_of(path: str) -> str:
        if path not in texts:
            try:
                texts[path] = read(path)
            except HotloopError:
                texts[path] = ""
        return texts[path]

    shown: list[Shown] = []
    room = MOST_CHARS
    for path, why in _ranked(goal, names, files, hits, text_of):
        if sparing and why != "named":
            break
        text = text_of(path)
        if text and len(text) <= min(FILE_CHARS, room):
            shown.append(Shown(path, text, why))
            room -= len(text)
        if time.monotonic() > due_s:
            break
    return shown


def _ranked(
    goal: str, names: Sequence[str], files: Sequence[str], hits: Sequence[Match], text_of: Read
) -> Iterator[tuple[str, str]]:
    """Yield files with the reason to show them, each once; what costs reading comes last."""
    seen: set[str] = set()

    def fresh(paths: Iterator[str]) -> list[str]:
        found = [path for path in dict.fromkeys(paths) if path not in seen]
        seen.update(found)
        return found

    centre = fresh(_named(goal, files))
    yield from ((path, "named") for path in centre)
    defining = fresh(_defining(names, hits))
    yield from ((path, "defines") for path in defining)
    centre = [path for path in [*centre, *defining] if not is_test_path(path)]
    yield from ((path, "tests") for path in fresh(_tests_of(centre, files, text_of)))
    known = {*files}
    for path in centre:
        for imported in fresh(imports(path, text_of(path), known)):
            yield imported, "imported"


def wants_map(files: Sequence[str], shown: Sequence[Shown]) -> bool:
    """Say whether a map of the repository may pay: it is large, and nothing says where to look.

    In a small one the list of files tells as much in fewer tokens.
    """
    settled = any(one.why in ("named", "defines") and not is_test_path(one.path) for one in shown)
    sources = sum(1 for path in files if language_of(path) and not is_test_path(path))
    return not settled and sources >= MAP_FILES


def map_repository(
    root: Path, files: Sequence[str], goal: str, names: Sequence[str], at_hand: Sequence[str]
) -> RepoMap:
    """Return a map of at most `MAP_CHARS`, made in about `MAP_S` seconds.

    At hand are the files given and those that a word of the goal is the name of; without any, the
    map shows what the repository as a whole leans on. Files that were not reached in time are
    read in a later session.
    """
    from hotloop.workspace.repomap import repo_map
    from hotloop.workspace.tags import read_tags

    words = {word.lower() for word in re.findall(r"[A-Za-z]{4,}", goal)}
    hands = {*at_hand, *(path for path in files if words & _parts(_stem(path)))}
    near = {posixpath.dirname(path) for path in hands}
    order = sorted(files, key=lambda path: (path not in hands, posixpath.dirname(path) not in near))
    tags = read_tags(root, order[:_MOST_MAPPED], time.monotonic() + MAP_S)
    defined = {tag.name for file in tags.values() for tag in file.tags}
    wanted = {*names, *(name for name in defined if (own := _parts(name)) and own <= words)}
    tests = [path for path in tags if is_test_path(path)]
    return repo_map(tags, hands, wanted, leave_out=tests, most_chars=MAP_CHARS)


def _parts(name: str) -> set[str]:
    """Return the words that a name is made of, in lower case."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def _stem(path: str) -> str:
    return posixpath.basename(path).partition(".")[0]


def _named(goal: str, files: Sequence[str]) -> Iterator[str]:
    words = {word.removeprefix("./").rstrip(".") for word in _WORD.findall(goal)}
    return (path for path in files if path in words or path.rsplit("/", 1)[-1] in words)


def _defining(names: Sequence[str], hits: Sequence[Match]) -> Iterator[str]:
    if not names:
        return iter(())
    defines = re.compile(rf"{_DEFINES}(?:{'|'.join(map(re.escape, names))})\b")
    return (hit.path for hit in hits if defines.search(hit.text))


def tests_of(paths: Sequence[str], files: Sequence[str], read: Read) -> list[str]:
    """Return the test files of source files: by their names, then those that mention them."""
    return list(_tests_of(paths, files, read))


def named_tests(paths: Sequence[str], files: Sequence[str]) -> Iterator[str]:
    """Yield the test files that are named after source files; reads nothing."""
    for stem in _stems(paths):
        tests = [path for path in files if stem in path and is_test_path(path)]
        own = rf"(?:^|[._-]){re.escape(stem)}(?:[._-]|$)"
        yield from (path for path in tests if re.search(own, posixpath.basename(path)))


def _stems(paths: Sequence[str]) -> list[str]:
    stems = [_stem(path) for path in paths]
    return [stem for stem in dict.fromkeys(stems) if stem not in ("__init__", "index", "main")]


def _tests_of(paths: Sequence[str], files: Sequence[str], text_of: Read) -> Iterator[str]:
    yield from named_tests(paths, files)
    tests = [path for path in files if is_test_path(path)]
    for stem in _stems(paths):
        mention = re.compile(rf"\b{re.escape(stem)}\b")
        importing = (path for path in tests[:_MOST_TESTS_READ] if path.endswith(_SUFFIXES[1:]))
        yield from (path for path in importing if mention.search(_head(text_of(path))))


def _head(text: str) -> str:
    """Return the part of a file where its imports stand."""
    return text[:1_500]


def imports(path: str, text: str, files: set[str]) -> Iterator[str]:
    """Yield the workspace's files that a file imports (Python, JavaScript, TypeScript, C)."""
    for module in _modules(path, text):
        for base in (module, f"src/{module}"):
            found = next((f"{base}{s}" for s in _SUFFIXES if f"{base}{s}" in files), None)
            if found is not None and found != path:
                yield found
                break


def _modules(path: str, text: str) -> Iterator[str]:
    """Yield what a file imports as paths from the root, without a suffix."""
    folder = posixpath.dirname(path)
    if not path.endswith((".py", ".pyi")):
        for match in _OTHER_IMPORT.finditer(text):
            yield posixpath.normpath(posixpath.join(folder, match[1]))
        return
    for match in _PYTHON_IMPORT.finditer(text):
        module = match[1] or match[3]
        dots = len(module) - len(module.lstrip("."))
        base = posixpath.normpath(posixpath.join(folder, *[".."] * (dots - 1))) if dots else ""
        name = posixpath.join(base, module[dots:].replace(".", "/")).rstrip("/").removeprefix("./")
        yield name
        names = (one.strip().split(" ")[0] for one in (match[2] or "").split(","))
        yield from (posixpath.join(name, one) for one in names if one)


def used(shown: Sequence[str], answers: str, edited: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which files of the first message were used, and which were not.

    Used is what was edited or what the model's answers name.
    """
    hit: list[str] = []
    missed: list[str] = []
    for path in shown:
        named = re.search(rf"\b{re.escape(_stem(path))}\b", answers) is not None
        (hit if path in edited or named else missed).append(path)
    return hit, missed
