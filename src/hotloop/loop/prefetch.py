"""What is looked up before the first call, all at once, so that the first call can already edit."""

from __future__ import annotations

import asyncio
import re

import msgspec

from hotloop.errors import HotloopError, ToolError
from hotloop.ledger.events import StepKind
from hotloop.loop.parts import Parts
from hotloop.loop.testing import run_tests
from hotloop.workspace.localise import Localisation, localise
from hotloop.workspace.search import search
from hotloop.workspace.testrun import TestOutcome

_LISTED_FILES = 60
_SHOWN_CHARS = 8_000
_FILE_CHARS = 4_000
_MOST_NAMES = 4
_WORD = re.compile(r"[\w./-]+")
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
    outcome, observation = await run_tests(parts, StepKind.PREFETCH, trace=trace)
    return Tests(outcome=outcome, text=observation.text)


async def gather_context(parts: Parts) -> str:
    """Return files, named files and symbol hits for the first message, without running anything."""
    files = await asyncio.to_thread(parts.workspace.files)
    named, hits = await asyncio.gather(
        asyncio.to_thread(_named_files, parts, files), _symbol_hits(parts)
    )
    listed = "\n".join(files[:_LISTED_FILES])
    more = f"\n… {len(files) - _LISTED_FILES} more" if len(files) > _LISTED_FILES else ""
    return "\n\n".join(filter(None, [f"Files:\n{listed}{more}", named, hits]))


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


def _named_files(parts: Parts, files: list[str]) -> str:
    words = {word.removeprefix("./").rstrip(".") for word in _WORD.findall(parts.goal)}
    shown: list[str] = []
    room = _SHOWN_CHARS
    for path in files:
        if path not in words and path.rsplit("/", 1)[-1] not in words:
            continue
        try:
            text = parts.workspace.read_text(path).text
        except HotloopError:
            continue
        if len(text) <= min(_FILE_CHARS, room):
            shown.append(f"{path}:\n{text}")
            room -= len(text)
    return "\n\n".join(shown)


async def _symbol_hits(parts: Parts) -> str:
    found = (match[1] or match[2] or match[3] for match in _NAME.finditer(parts.goal))
    names = list(dict.fromkeys(found))[:_MOST_NAMES]
    if not names:
        return ""
    pattern = rf"\b({'|'.join(names)})\b"
    try:
        result = await search(parts.workspace, pattern, deadline_s=1.0, max_matches=12)
    except HotloopError:
        return ""
    hits = [f"{one.path}:{one.line}: {one.text.strip()[:160]}" for one in result.matches]
    return "Where the goal's names stand:\n" + "\n".join(hits) if hits else ""
