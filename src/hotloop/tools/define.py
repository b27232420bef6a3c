"""The tool `define`."""

from __future__ import annotations

import asyncio

from hotloop.actions.types import Action, Define, Observation
from hotloop.errors import ToolError
from hotloop.ledger.events import Effect
from hotloop.tools.applying import apply_text
from hotloop.tools.base import ToolContext, expect
from hotloop.workspace.text import unify


class DefineTool:
    """Puts whole definitions into a file: the same name replaces, a new one is added."""

    name: str = "define"
    effect: Effect = Effect.WORKSPACE

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Put `action.code` into `action.path`.

        Raises ToolError when the file or the code cannot be understood, or would not parse.
        """
        wanted = expect(action, Define)
        return await asyncio.to_thread(_define, wanted, context)


def _define(wanted: Define, context: ToolContext) -> Observation:
    from hotloop.workspace.definitions import replace_definitions

    old = context.workspace.read_text(wanted.path)
    name = context.workspace.relative(wanted.path)
    new_text, done = replace_definitions(name, old.text, unify(wanted.code))
    if new_text == old.text:
        raise ToolError(f"this changes nothing in {name}", "send a definition that differs")
    applied = apply_text(context, wanted.path, old, new_text)
    what = "; ".join(done)
    counts = f"+{applied.added_lines} −{applied.removed_lines} lines"
    return Observation(
        tool="define", ok=True, text=f"{name}: {what} ({counts})", summary=f"{name}: {what}"
    )
