"""`python -m bench.levers.forms`: how long the same change is in each form and dialect.

The changes are the solutions of the task suite. Bytes, not tokens: which tokens they become is the
model's matter, but an escaped line end costs at least as much as a plain one everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from statistics import median

import msgspec

from bench.loops.suite import TASKS


class Edit(msgspec.Struct, frozen=True):
    """A change of one file: all of it after the change, and the lines that change."""

    path: str
    content: str
    old: str
    new: str


def smallest_edit(path: str, before: str, after: str) -> Edit:
    """Return the change as the fewest whole lines that stand in `before` exactly once."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    tail = next((i for i in range(limit - head) if old[-1 - i] != new[-1 - i]), limit - head)
    while True:
        was = "".join(old[head : len(old) - tail])
        if was and before.count(was) == 1:
            return Edit(path, after, was, "".join(new[head : len(new) - tail]))
        head, tail = max(0, head - 1), tail if head else tail - 1


def forms(edit: Edit) -> dict[str, int]:
    """Return the bytes of a change as a model would write it, by dialect and form."""
    whole = {"path": edit.path, "content": edit.content}
    part = {"path": edit.path, "old": edit.old, "new": edit.new}
    return {
        "native, whole file": _native("write", whole),
        "native, edit": _native("edit", part),
        "schema, whole file": _schema("write", whole),
        "schema, edit": _schema("edit", part),
        "text, whole file": _text("write", edit.path, edit.content),
        "text, edit": _text("edit", edit.path, edit.old, edit.new),
    }


def _native(name: str, fields: dict[str, str]) -> int:
    return len(name) + len(msgspec.json.encode(fields))


def _schema(name: str, fields: dict[str, str]) -> int:
    return len(msgspec.json.encode({"actions": [{"tool": name, **fields}]}))


def _text(name: str, path: str, *blocks: str) -> int:
    """Count the form of the dialects `terse` and `fenced`: code stands raw behind a header."""
    header = msgspec.json.encode({"tool": name, "path": path}).decode()
    return len("\n".join([header, *(f"```\n{block}```" for block in blocks)]).encode())


def edits() -> Iterator[Edit]:
    """Yield the changes of all tasks to existing files."""
    for solution in sorted(TASKS.glob("*/*/solution")):
        for file in sorted(path for path in solution.rglob("*") if path.is_file()):
            path = str(file.relative_to(solution))
            before = solution.with_name("repo") / path
            if before.is_file() and before.read_text() != file.read_text():
                yield smallest_edit(path, before.read_text(), file.read_text())


def main() -> int:
    """Print the median bytes of each form."""
    counted = [forms(edit) for edit in edits()]
    print(f"{len(counted)} changes{'':<12} {'median bytes':>12}")
    for name in counted[0]:
        print(f"{name:<22} {median(one[name] for one in counted):>12.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
