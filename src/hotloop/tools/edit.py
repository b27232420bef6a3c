"""The tool `edit`."""

from __future__ import annotations

import asyncio

from hotloop.actions.types import Action, Edit, Observation
from hotloop.ledger.events import Effect
from hotloop.tools.applying import apply_text
from hotloop.tools.base import ToolContext, cap, expect
from hotloop.tools.matching import replace
from hotloop.workspace.text import unify


class EditTool:
    """Replaces one place of a file, and repairs a near miss itself."""

    name: str = "edit"
    effect: Effect = Effect.WORKSPACE

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Replace `action.old`, which must mean one place, with `action.new`.

        Raises ToolError when it means none or several, and when the file would no longer parse;
        EnvironmentFault on a full disk. The file is then as it was.
        """
        wanted = expect(action, Edit)
        return await asyncio.to_thread(_edit, wanted, context)


def _edit(wanted: Edit, context: ToolContext) -> Observation:
    name = context.workspace.relative(wanted.path)
    context.workspace.resolve(wanted.path, for_writing=True)
    old = context.workspace.read_text(wanted.path)
    change = replace(name, old.text, unify(wanted.old), unify(wanted.new))
    applied = apply_text(context, wanted.path, old, change.text, repaired=change.repaired)
    summary = f"edited {name} (+{applied.added_lines} −{applied.removed_lines} lines)"
    if change.repaired:
        summary += f", repaired: {change.repaired}"
    shown = cap(applied.shown, context.limits.output_chars)
    return Observation(tool="edit", ok=True, text=f"{summary}\n{shown}", summary=summary)
