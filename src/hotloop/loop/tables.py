"""Tables that suspect definitions read: no test traces them, for they are made at import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hotloop.errors import ToolError
from hotloop.loop.focus import Focus, focus_on
from hotloop.workspace.localise import Localisation, SuspectDefinition
from hotloop.workspace.named import Index
from hotloop.workspace.root import Workspace
from hotloop.workspace.syntax import Definition

_HOPS = 4
_MOST_FAR = 2
_SUSPECTS = 2

Key = tuple[str, str]


def with_tables(
    found: Sequence[Focus], workspace: Workspace, localisation: Localisation
) -> list[Focus]:
    """Put the tables that the first two focuses read, directly or through others, among them.

    A table comes behind the function that reads it, unless that is the first, not before the
    third place. `found` is most suspect first.
    """
    order = [(one.path, one.name) for one in found]
    behind: dict[int, list[Focus]] = {}
    tables: set[Key] = set(order[:1])
    for reader, table in _tables(found[:_SUSPECTS], workspace, localisation):
        key = (table.path, table.name)
        at = order.index(reader) if reader in order else 1
        far = sum(len(some) for place, some in behind.items() if place)
        if key in tables or (at and far == _MOST_FAR):
            continue
        tables.add(key)
        behind.setdefault(min(at, len(found) - 1), []).append(table)
    result = [*found[:1], *behind.get(0, [])]
    for at, one in enumerate(found[1:], 1):
        result += [one] if order[at] not in tables else []
        result += behind.get(at, [])
    return result


def _tables(
    suspects: Sequence[Focus], workspace: Workspace, localisation: Localisation
) -> Iterator[tuple[Key, Focus]]:
    """Yield tables, each with the function that reads it."""
    index = Index(workspace.root, workspace.files())
    for suspect in suspects:
        for code in _constants(suspect, index, localisation):
            one = code.definition
            place = SuspectDefinition(code.path, one.name, one.start_line, one.end_line, 1.0)
            try:
                focus = focus_on(workspace, place, localisation)
            except ToolError:  # not a text of a usual size: nothing that a model could mend
                continue
            if focus is not None and focus.is_table:
                yield code.reader, focus


class _Reached(msgspec.Struct, frozen=True):
    """A definition that a suspect leads to; for a constant, `reader` is the function it is in."""

    path: str
    definition: Definition
    reader: Key


def _constants(suspect: Focus, index: Index, localisation: Localisation) -> Iterator[_Reached]:
    """Yield the constants that a suspect reads, nearest first.

    Names are followed through constants, and through functions that failing tests run.
    """
    executed = {(one.path, one.name): None for one in localisation.definitions}
    users = [(suspect.path, suspect.source, (suspect.path, suspect.name))]
    seen: set[Key] = set()
    for _ in range(_HOPS):
        reached = [
            one
            for path, code, reader in users
            for one in _used(path, code, reader, index, executed)
            if (one.path, one.definition.qualified_name) not in seen
        ]
        seen |= {(one.path, one.definition.qualified_name) for one in reached}
        yield from (one for one in reached if one.definition.kind == "constant")
        users = [(one.path, index.code(one.path, one.definition), one.reader) for one in reached]


def _used(
    path: str, code: str, reader: Key, index: Index, executed: dict[Key, None]
) -> Iterator[_Reached]:
    """Yield what code uses: constants it imports or has in its file, functions by name."""
    words = {*re.findall(r"\w+", code)}
    visible = dict.fromkeys([path, *index.imports(path)])
    for file in visible | dict.fromkeys(path for path, _ in executed):
        for one in index.of(file):
            key = (file, one.qualified_name)
            if one.name not in words:
                continue
            if one.kind == "constant" and file in visible:
                yield _Reached(file, one, reader)
            elif key in executed:
                yield _Reached(file, one, key)
