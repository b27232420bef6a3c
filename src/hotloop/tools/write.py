"""The tool `write`."""

from __future__ import annotations

import asyncio

from hotloop.actions.types import Action, Observation, Write
from hotloop.errors import ToolError
from hotloop.ledger.events import Effect
from hotloop.tools.applying import apply_text, record, syntax_error
from hotloop.tools.base import ToolContext, expect
from hotloop.workspace.text import unify

_EMPTIED_LIMIT_BYTES = 200


class WriteTool:
    """Creates a file, its folders too, or replaces all of one."""

    name: str = "write"
    effect: Effect = Effect.WORKSPACE

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Write `action.content`.

        Raises ToolError for a path that cannot be written, for emptying a file that is not
        small, and for Python that no longer parses; EnvironmentFault on a full disk.
        """
        wanted = expect(action, Write)
        return await asyncio.to_thread(_write, wanted, context)


def _write(wanted: Write, context: ToolContext) -> Observation:
    full = context.workspace.resolve(wanted.path, for_writing=True)
    return _replace(wanted, context) if full.exists() else _create(wanted, context)


def _create(wanted: Write, context: ToolContext) -> Observation:
    content = unify(wanted.content)
    context.checkpoint.write(wanted.path, content.encode("utf-8", "replace"))
    applied = record(context, wanted.path, "", content)
    name = context.workspace.relative(wanted.path)
    text = f"created {name} ({applied.added_lines} lines)"
    fault = syntax_error(name, content) if name.endswith(".py") else ""
    if fault:
        text += f"\nwarning: it does not parse: {fault}"
    return Observation(tool="write", ok=True, text=text, summary=f"created {name}")


def _replace(wanted: Write, context: ToolContext) -> Observation:
    old = context.workspace.read_text(wanted.path)
    name = context.workspace.relative(wanted.path)
    if not wanted.content.strip() and len(old.raw) > _EMPTIED_LIMIT_BYTES:
        raise ToolError(
            f"{name} holds {len(old.raw)} bytes; it is not replaced with nothing",
            "write its whole new content, or edit it",
        )
    new_text = unify(wanted.content)
    if new_text == old.text:
        text = f"{name} already has exactly this content; nothing changed"
        return Observation(tool="write", ok=True, text=text, summary=f"{name} unchanged")
    applied = apply_text(context, wanted.path, old, new_text)
    counts = f"+{applied.added_lines} −{applied.removed_lines} lines"
    return Observation(
        tool="write", ok=True, text=f"replaced {name} ({counts})", summary=f"{name} {counts}"
    )
