"""Unified diffs of workspace files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from hotloop.errors import ToolError
from hotloop.workspace.journal import Snapshot
from hotloop.workspace.root import Workspace

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def unified_diff(workspace: Workspace, originals: Mapping[str, Snapshot]) -> str:
    """Return the diff from `originals` to the files as they are now, as `git apply` reads it.

    Files that are not UTF-8 text are only named.
    """
    return "".join(
        _file_diff(name, originals[name].data, _current(workspace, name))
        for name in sorted(originals)
    )


def _current(workspace: Workspace, name: str) -> bytes | None:
    try:
        return workspace.read_bytes(name)
    except ToolError:
        return None


def _file_diff(name: str, old: bytes | None, new: bytes | None) -> str:
    if old == new:
        return ""
    before = "/dev/null" if old is None else f"a/{name}"
    after = "/dev/null" if new is None else f"b/{name}"
    try:
        old_lines, new_lines = (_LINE.findall((data or b"").decode()) for data in (old, new))
    except UnicodeDecodeError:
        return f"Binary files {before} and {after} differ\n"
    lines = difflib.unified_diff(old_lines, new_lines, before, after)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
