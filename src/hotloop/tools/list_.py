"""The tool `list`."""

from __future__ import annotations

import asyncio
from collections import Counter

from hotloop.actions.types import Action, List, Observation
from hotloop.errors import ToolError
from hotloop.ledger.events import Effect
from hotloop.tools.base import ToolContext, capped, expect


class ListTool:
    """Lists a folder: files by name, folders with the number of files in them."""

    name: str = "list"
    effect: Effect = Effect.NONE

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """List `action.path`. Raises ToolError when it is no folder of the workspace."""
        wanted = expect(action, List)
        return await asyncio.to_thread(_list, wanted, context)


def _list(wanted: List, context: ToolContext) -> Observation:
    full = context.workspace.resolve(wanted.path)
    if not full.is_dir():
        raise ToolError(f"{wanted.path} is not a folder", "read it, or list the folder it is in")
    name = context.workspace.relative(wanted.path)
    prefix = "" if name == "." else f"{name}/"
    inside = [path.removeprefix(prefix) for path in context.workspace.files(wanted.path)]
    folders = Counter(path.partition("/")[0] for path in inside if "/" in path)
    lines = [f"{folder}/ ({count} files)" for folder, count in sorted(folders.items())]
    lines += [path for path in inside if "/" not in path]
    text, full_path = capped("\n".join(lines) or "(no files)", context, "list")
    summary = f"{name}: {len(lines)} entries"
    return Observation(
        tool="list", ok=True, text=f"{name}:\n{text}", summary=summary, full_path=full_path
    )
