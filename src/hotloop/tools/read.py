"""The tool `read`."""

from __future__ import annotations

import asyncio

from hotloop.actions.types import Action, Observation, Read
from hotloop.errors import ToolError
from hotloop.ledger.events import Effect
from hotloop.tools.base import ToolContext, expect
from hotloop.workspace.root import Excerpt


class ReadTool:
    """Reads a file or a range of its lines; what does not fit is named, to be read next."""

    name: str = "read"
    effect: Effect = Effect.NONE

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Read `action.path`. Raises ToolError for what is no readable text file."""
        wanted = expect(action, Read)
        return await asyncio.to_thread(_read, wanted, context)


def _read(wanted: Read, context: ToolContext) -> Observation:
    workspace, limit = context.workspace, context.limits.output_chars
    name = workspace.relative(wanted.path)
    if wanted.start is None and wanted.end is None:
        workspace.read_text(wanted.path)  # refuses what is too large to read without a range
    excerpt = workspace.read_lines(wanted.path, wanted.start or 1, wanted.end)
    shown, last = _fit(excerpt, limit)
    total = "" if excerpt.total is None else f" of {excerpt.total}"
    header = f"{name} lines {excerpt.first}-{last}{total}"
    if excerpt.total == 0:
        header = f"{name} is empty"
    if last < excerpt.last:
        header += f" (cut; read on with start={last + 1})"
    return Observation(
        tool="read",
        ok=True,
        text=f"{header}\n{shown}",
        summary=header,
        full_path=str(workspace.resolve(wanted.path)),
    )


def _fit(excerpt: Excerpt, limit: int) -> tuple[str, int]:
    """Return as many whole lines as fit, and the number of the last of them."""
    if len(excerpt.text) <= limit:
        return excerpt.text, excerpt.last
    cut = excerpt.text.rfind("\n", 0, limit + 1)
    if cut < 0:
        raise ToolError(
            f"line {excerpt.first} is longer than {limit} characters", "search the file instead"
        )
    shown = excerpt.text[:cut]
    return shown, excerpt.first + shown.count("\n")
