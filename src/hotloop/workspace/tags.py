"""What each source file defines and which names it uses, kept from session to session."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hotloop import paths
from hotloop.workspace.syntax import Definition, grammar, language_of, read_definitions

if TYPE_CHECKING:
    from tree_sitter import Query

_LARGEST_BYTES = 200_000
_LONGEST_HEAD = 110
_NAMES = {
    "python": "(identifier) @name",
    "javascript": "[(identifier) (property_identifier)] @name",
    **dict.fromkeys(
        ("typescript", "tsx"), "[(identifier) (property_identifier) (type_identifier)] @name"
    ),
    **dict.fromkeys(("go", "rust"), "[(identifier) (field_identifier) (type_identifier)] @name"),
}
_IMPORT_BY_PATH = ("javascript", "typescript", "tsx")
_IMPORTED = re.compile(rb"(?:from|import|require\()\s*[\"'][^\"'\n]*?([\w-]+)(?:\.\w+)?[\"']")


class Tag(msgspec.Struct, frozen=True, array_like=True):
    """A definition: its name, the line (from 1) it starts on, and that line's text."""

    name: str
    line: int
    head: str


class FileTags(msgspec.Struct, frozen=True, array_like=True):
    """One file as it was at `mtime_ns` and `size_bytes`: its definitions, and names with counts."""

    mtime_ns: int
    size_bytes: int
    tags: tuple[Tag, ...] = ()
    names: dict[str, int] = {}


def read_tags(root: Path, files: Iterable[str], due_s: float) -> dict[str, FileTags]:
    """Return the tags of source files, from the cache where a file has not changed.

    What is not cached is parsed in the order of `files` until the monotonic time `due_s`; the rest
    is left to the next call. Files in languages without a parser here are left out.
    """
    store = _cache_file(root)
    known = _load(store)
    found: dict[str, FileTags] = {}
    late: list[tuple[str, os.stat_result]] = []
    for path in files:
        stat = _stat(root / path)
        if stat is None or stat.st_size > _LARGEST_BYTES or not language_of(path):
            continue
        old = known.get(path)
        if old is not None and (old.mtime_ns, old.size_bytes) == (stat.st_mtime_ns, stat.st_size):
            found[path] = old
        else:
            late.append((path, stat))
    new = dict(_parsed(root, late, due_s))
    if new:
        _save(store, {**found, **new})
    return {**found, **new}


def tags_files() -> list[Path]:
    """Return the cache files of all workspaces."""
    return [*(paths.cache_dir() / "tags").glob("*.msgpack")]


def _parsed(
    root: Path, late: Iterable[tuple[str, os.stat_result]], due_s: float
) -> Iterator[tuple[str, FileTags]]:
    for path, stat in late:
        if time.monotonic() >= due_s:
            return
        try:
            source = (root / path).read_bytes()
            source.decode()
        except (OSError, UnicodeDecodeError):
            continue  # gone meanwhile, or no text: nothing to map
        tags, names = _tags(path, source), _names(path, source)
        yield path, FileTags(stat.st_mtime_ns, stat.st_size, tuple(tags), names)


def _tags(path: str, source: bytes) -> Iterator[Tag]:
    for one in read_definitions(language_of(path), source):
        if one.name and one.kind != "constant":
            line = source.count(b"\n", 0, one.head_byte) + 1
            yield Tag(one.name, line, _head(one, source))


def _head(one: Definition, source: bytes) -> str:
    """Return a definition's first line, with the class it is in."""
    end = source.find(b"\n", one.bare_byte)
    line = source[one.bare_byte : end if end >= 0 else len(source)].decode().strip()
    line = line.rstrip("{:").rstrip()
    if one.parent and not re.search(rf"\b{re.escape(one.parent)}\b", line):
        line = re.sub(rf"\b{re.escape(one.name)}\b", lambda _: one.qualified_name, line, count=1)
    return line if len(line) <= _LONGEST_HEAD else f"{line[:_LONGEST_HEAD]}…"


def _names(path: str, source: bytes) -> dict[str, int]:
    """Count the identifiers in a file; those of C, for which there is no grammar, not at all."""
    language = language_of(path)
    if language not in _NAMES:
        return {}
    from tree_sitter import Parser, QueryCursor

    root = Parser(grammar(language)).parse(source).root_node
    nodes = QueryCursor(_query(language)).captures(root).get("name", [])
    counts = Counter(source[node.start_byte : node.end_byte] for node in nodes)
    if language in _IMPORT_BY_PATH:
        counts.update(found[1] for found in _IMPORTED.finditer(source))
    return {name.decode(): count for name, count in counts.items()}


@cache
def _query(language: str) -> Query:
    from tree_sitter import Query

    return Query(grammar(language), _NAMES[language])


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _cache_file(root: Path) -> Path:
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
    return paths.cache_dir() / "tags" / f"{key}.msgpack"


def _load(store: Path) -> dict[str, FileTags]:
    try:
        return msgspec.msgpack.decode(store.read_bytes(), type=dict[str, FileTags])
    except (OSError, msgspec.DecodeError):
        return {}


def _save(store: Path, known: dict[str, FileTags]) -> None:
    new = store.with_suffix(f".{os.getpid()}.new")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.msgpack.encode(known))
        new.replace(store)
    except OSError:
        return  # only a saving for the next session
