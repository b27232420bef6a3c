"""The tool `search`."""

from __future__ import annotations

from itertools import groupby

from hotloop.actions.types import Action, Observation, Search
from hotloop.ledger.events import Effect
from hotloop.tools.base import ToolContext, capped, expect
from hotloop.workspace.search import SearchResult, search


class SearchTool:
    """Searches file contents by regular expression; matches are grouped by file."""

    name: str = "search"
    effect: Effect = Effect.NONE

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Search for `action.pattern`. Raises ToolError for a path that is not there."""
        wanted = expect(action, Search)
        limits = context.limits
        result = await search(
            context.workspace,
            wanted.pattern,
            wanted.path,
            deadline_s=limits.search_deadline_s,
            max_matches=limits.search_matches,
        )
        text, full_path = capped(_render(result, wanted.pattern), context, self.name)
        files = len({match.path for match in result.matches})
        return Observation(
            tool=self.name,
            ok=True,
            text=text,
            summary=f"{len(result.matches)} matches in {files} files",
            full_path=full_path,
            data=result,
        )


def _render(result: SearchResult, pattern: str) -> str:
    lines: list[str] = []
    if result.literal:
        lines.append("(not a regular expression: searched for the text as it stands)")
    for path, matches in groupby(result.matches, key=lambda match: match.path):
        lines.append(path)
        lines += [f"  {match.line}: {match.text}" for match in matches]
    if not result.matches:
        lines.append(f"no match for {pattern}")
    if result.timed_out:
        lines.append("(stopped at its deadline: search a smaller path)")
    elif not result.complete:
        lines.append("(more matches left out: use a narrower pattern or path)")
    return "\n".join(lines)
