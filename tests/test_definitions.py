from __future__ import annotations

import pytest

from definition_sources import GO, JAVASCRIPT, PYTHON, RUST, SOURCES, TYPESCRIPT, C, names
from hotloop.workspace.definitions import definitions, enclosing, replace_definitions


def test_definitions_of_each_language() -> None:
    assert names("a.py", PYTHON) == [
        *("LIMIT", "distance", "Stack", "Stack.size", "Stack.__init__"),
        *("Stack.top", "Stack.top", "Stack.push"),
    ]
    assert names("a.js", JAVASCRIPT) == [
        *("add", "half", "Stack", "Stack.#items", "Stack.push", "Stack.size"),
        *("twice", "module.exports"),
    ]
    assert names("a.ts", TYPESCRIPT) == ["Shape", "Base", "Base.value", "Base.get", "load"]
    assert names("a.go", GO) == ["Stack", "Stack.Push", "Show"]
    assert names("a.rs", RUST) == [
        *("Stack", "impl Stack", "Stack.new", "Stack.push", "add", "tests", "tests.adds"),
    ]
    assert names("a.c", C) == ["add", "main"]
    assert names("a.txt", "def f(): pass") == []


@pytest.mark.parametrize("path", SOURCES)
def test_range_covers_what_stands_above(path: str) -> None:
    source = SOURCES[path]
    wanted = {
        "a.py": "# How far.",
        "a.js": "/** Adds",
        "a.go": "// Push",
        "a.rs": "/// A",
        "a.c": "/* Ad",
    }
    starts = [source.encode()[one.start_byte :].decode() for one in definitions(path, source)]
    assert path not in wanted or any(start.startswith(wanted[path]) for start in starts)
    for one in definitions(path, source):
        lines = source.encode()[one.start_byte : one.end_byte].decode().splitlines()
        assert source.splitlines()[one.start_line - 1].strip().startswith(lines[0].strip())
        assert len(lines) == one.end_line - one.start_line + 1


def test_enclosing_is_the_innermost() -> None:
    line = 1 + PYTHON.splitlines().index("        self.items.append(item)")
    found = enclosing("a.py", PYTHON, line)
    assert found is not None
    assert found.qualified_name == "Stack.push"
    assert enclosing("a.py", PYTHON, 1) is None


@pytest.mark.parametrize("path", SOURCES)
def test_replacing_by_itself_changes_nothing(path: str) -> None:
    source = SOURCES[path]
    for one in definitions(path, source):
        text = source.encode()[one.start_byte : one.end_byte].decode()
        holder = one.parent
        if path == "a.rs" and holder == "tests":
            continue
        if one.indent and holder and one.kind == "constant":
            continue  # an attribute without its class is a new constant of the module
        assert replace_definitions(path, source, one.indent + text)[0] == source
    assert replace_definitions(path, source, source)[0] == source
