"""Hold edits to the text of their files where the endpoint can: lever `exact_edits` in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hotloop.actions.dialects import Held
from hotloop.actions.parse import Parsed
from hotloop.actions.types import Observation
from hotloop.errors import BackendError
from hotloop.ledger.events import ServerTimings
from hotloop.levers.exact_edits import ExactEdits
from hotloop.loop.capability import check_lark, holds_lark, refuses
from hotloop.loop.parts import Parts

_HELD_DIALECTS = ("schema", "terse")
_MOST_LISTED = 400


class Quoting:
    """Knows whether the endpoint holds edits to their files, and which files the model has seen.

    An endpoint that is new here is asked once, behind its first answer. `files` are those of the
    workspace, as far as they were listed.
    """

    def __init__(self, parts: Parts, first: str, files: Sequence[str]) -> None:
        self._parts = parts
        self._edits = ExactEdits(lambda path: parts.workspace.read_text(path).text)
        self._edits.told(first)
        self._others = tuple(files) if len(files) <= _MOST_LISTED else ()
        self._is_on = parts.has("exact_edits")
        backend = parts.caller.backend
        self._holds = holds_lark(backend.base_url, backend.model)
        self._check: asyncio.Task[bool] | None = None
        self._is_held = False

    async def settle(self) -> None:
        """Wait for a check that is under way: a few tokens, once for an endpoint."""
        if self._check is not None:
            self._holds, self._check = await self._check, None

    def held(self, spoken: str) -> Held | None:
        """Return what edits of the next answer are held to, None where they cannot be.

        `spoken` is the dialect's name.
        """
        self._edits.free()
        self._is_held = self._is_on and bool(self._holds) and spoken in _HELD_DIALECTS
        if not self._is_held:
            return None
        return Held(self._edits.files(), self._others)

    def answered(self, spoken: str, timings: ServerTimings | None) -> None:
        """Take an answer. Only llama.cpp tells its timings, so only such a server is checked."""
        wanted = self._is_on and spoken in _HELD_DIALECTS and timings is not None
        if wanted and self._holds is None and self._check is None:
            self._check = asyncio.create_task(check_lark(self._parts.caller))

    def observed(self, results: list[tuple[Parsed, Observation]]) -> None:
        """Take what came of an answer."""
        self._edits.observed(results)

    def told(self, texts: Sequence[str]) -> None:
        """Take what the model is told beside the observations."""
        for text in texts:
            self._edits.told(text)

    def give_up(self, error: BackendError) -> bool:
        """Go on without, if a request that held edits was refused; say whether it was."""
        if not self._is_held or not refuses(error):
            return False
        self._is_on = False
        self._parts.clock.note(f"the endpoint refused a grammar of the file's lines: {error.cause}")
        return True

    @property
    def detail(self) -> str:
        """Say how edits that were held went, empty where there were none."""
        return self._edits.detail

    async def close(self) -> None:
        """End a check that is under way."""
        if self._check is not None:
            self._check.cancel()
            await asyncio.gather(self._check, return_exceptions=True)
