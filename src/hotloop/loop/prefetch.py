"""What is looked up before the first call, all at once, so that the first call can already edit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from hotloop.errors import HotloopError, ToolError
from hotloop.ledger.events import StepKind
from hotloop.levers.prefetch import Context, choose, map_repository, wants_map
from hotloop.loop.parts import Parts
from hotloop.loop.testing import failed_file, run_tests
from hotloop.workspace.localise import Localisation, localise
from hotloop.workspace.search import Match, search
from hotloop.workspace.testrun import TestOutcome

if TYPE_CHECKING:
    from hotloop.workspace.repomap import RepoMap

_LISTED_FILES = 60
_SHOWN_CHARS = 8_000
_MOST_NAMES = 4
_MOST_HITS = 60
_TOLD_HITS = 12
_NAME = re.compile(r"`(\w+)`|\b(\w+)\(\)|\b([a-z]+_\w+|[A-Z]\w+[a-z]\w*[A-Z]\w*)\b")


class Tests(msgspec.Struct, kw_only=True):
    """The first test run. `outcome` is None where there are no tests or they could not run."""

    outcome: TestOutcome | None
    text: str

    @property
    def is_red(self) -> bool:
        """Say whether tests ran and failed."""
        return self.outcome is not None and not self.outcome.green and not self.outcome.no_tests


async def first_tests(parts: Parts, *, trace: bool) -> Tests:
    """Run the tests as they are. Raises EnvironmentFault where nobody consents to running them."""
    failed_to = failed_file(parts)
    try:
        outcome, observation = await run_tests(
            parts, StepKind.PREFETCH, trace=trace, failed_to=failed_to
        )
    finally:
        failed_to.unlink(missing_ok=True)
    return Tests(outcome=outcome, text=observation.text)


async def gather_context(parts: Parts) -> Context:
    """Return files and symbol hits for the first message, without running anything.

    Where these do not settle where to look in a large repository, a map of it comes with them.
    """
    names = _goal_names(parts.goal)
    files, hits = await asyncio.gather(
        asyncio.to_thread(parts.workspace.files), _symbol_hits(parts, names)
    )
    read = partial(_whole_text, parts)
    chosen = partial(choose, parts.goal, names, files, hits, read, sparing=parts.is_small)
    shown = await asyncio.to_thread(chosen)
    mapped = None
    if not parts.is_small and wants_map(files, shown):
        at_hand = [*(one.path for one in shown), *(hit.path for hit in hits)]
        mapped = await asyncio.to_thread(_map, parts, files, at_hand)
    listed = "\n".join(files[:_LISTED_FILES])
    more = f"\n… {len(files) - _LISTED_FILES} more" if len(files) > _LISTED_FILES else ""
    texts = [f"{one.path}:\n{one.text}" for one in shown]
    told = _told_hits(hits, {one.path for one in shown})
    return Context(
        text="\n\n".join(filter(None, [f"Files:\n{listed}{more}", told_map(mapped), *texts, told])),
        files=tuple(files),
        shown=tuple(shown),
        mapped=mapped.paths if mapped else (),
    )


def failure_map(parts: Parts, outcome: TestOutcome, files: Sequence[str]) -> RepoMap | None:
    """Return a map of what failing tests lean on, None where the repository is small."""
    if parts.is_small or not wants_map(files, ()):
        return None
    frames = (frame.path for failure in outcome.failures for frame in failure.frames)
    tests = (failure.path for failure in outcome.failures)
    return _map(parts, files, [*filter(None, [*tests, *frames])])


def told_map(found: RepoMap | None) -> str:
    """Return a map as it stands in a message, empty where there is none."""
    if found is None or not found.text:
        return ""
    return f"Definitions that matter most, with their lines:\n{found.text}"


def _map(parts: Parts, files: Sequence[str], at_hand: Sequence[str]) -> RepoMap:
    names = _goal_names(parts.goal)
    return map_repository(parts.workspace.root, files, parts.goal, names, at_hand)


def suspect_code(parts: Parts, outcome: TestOutcome) -> str:
    """Return the code of the most suspect definitions of a failed run."""
    root = parts.workspace.root
    found: Localisation = localise(outcome, root, parts.workspace.files(), parts.goal)
    shown: list[str] = [str(one) for one in found.missing]
    room = _SHOWN_CHARS
    for suspect in found.definitions[:3]:
        try:
            lines = parts.workspace.read_lines(suspect.path, suspect.start_line, suspect.end_line)
        except ToolError:
            continue
        text = f"{suspect.path} lines {suspect.start_line}-{suspect.end_line}:\n{lines.text}"
        if len(text) <= room:
            shown.append(text)
            room -= len(text)
    return "\n\n".join(shown)


def _whole_text(parts: Parts, path: str) -> str:
    return parts.workspace.read_text(path).text


def _goal_names(goal: str) -> list[str]:
    found = (match[1] or match[2] or match[3] for match in _NAME.finditer(goal))
    return list(dict.fromkeys(found))[:_MOST_NAMES]


async def _symbol_hits(parts: Parts, names: list[str]) -> list[Match]:
    if not names:
        return []
    pattern = rf"\b({'|'.join(names)})\b"
    try:
        result = await search(parts.workspace, pattern, deadline_s=1.0, max_matches=_MOST_HITS)
    except HotloopError:
        return []
    return result.matches


def _told_hits(hits: list[Match], shown: set[str]) -> str:
    """Return where the goal's names stand; files that are not shown as a whole come first."""
    ranked = sorted(hits, key=lambda hit: hit.path in shown)[:_TOLD_HITS]
    lines = [f"{one.path}:{one.line}: {one.text.strip()[:160]}" for one in ranked]
    return "\n".join(["Where the goal's names stand:", *lines]) if lines else ""
