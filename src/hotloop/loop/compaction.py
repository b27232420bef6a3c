"""Keep the transcript below the context limit, without waiting for it.

The summary is asked for by appending to the live transcript, so that its prefix stays cached, and
in the background, before the room is needed. Then a new transcript begins with the old one's fixed
part, its first message and the summary, as an exchange of its own so that roles still alternate.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from hotloop.errors import BackendError
from hotloop.ledger.events import StepKind, Usage
from hotloop.loop.parts import Parts
from hotloop.loop.transcript import Transcript

_PREPARE_AT = 0.6
_APPLY_AT = 0.8
_SUMMARY_TOKENS = 400
_KEPT = 2  # the system message and the first of the user
_ASK = (
    "Summarise for yourself, in at most 200 words: what was found, which files matter, what was "
    "changed, what is left to do. Do not call tools."
)
_MOST_FAILURES = 2
_LAST = 2  # an answer and what came of it
_REFUSED = {400, 413, 422}
_FULL = re.compile(r"\bcontext|too long\b|too many tokens", re.IGNORECASE)
_LOST = "What came before was left out to save room."


def is_full(error: BackendError) -> bool:
    """Say whether a request was refused because the context cannot hold it."""
    return error.status in _REFUSED and bool(_FULL.search(error.cause))


class Compaction:
    """Prepares a summary at 60 % of `context_tokens` and applies it at 80 %."""

    def __init__(self, parts: Parts, context_tokens: int) -> None:
        self._parts = parts
        self._limit = context_tokens
        self._summary: asyncio.Task[str] | None = None
        self._covers = 0
        self._failures = 0

    async def apply(self, transcript: Transcript, usage: Usage) -> Transcript:
        """Return the transcript to go on with, given the latest call's usage."""
        filled = (usage.input_tokens + usage.output_tokens) / max(1, self._limit)
        if filled >= _PREPARE_AT and self._summary is None:
            self._covers = len(transcript)
            self._summary = asyncio.create_task(self._summarise(transcript))
        if filled < _APPLY_AT or self._summary is None:
            return transcript
        with self._parts.clock.step(StepKind.COMPACT):
            summary = await self._summary
        self._summary = None
        if not summary:
            self._failures += 1
            if self._failures < _MOST_FAILURES:
                return transcript
        self._parts.clock.note("the transcript was compacted")
        return _continued(transcript, self._covers, summary)

    def make_room(self, transcript: Transcript) -> Transcript | None:
        """Return a shorter transcript, without a summary: no context is left to write one in.

        None where nothing is left out that could make a difference.
        """
        covers = len(transcript) - _LAST
        if covers <= 2 * _KEPT:
            return None
        self._parts.clock.note("the context is full: all but the last answer was left out")
        return _continued(transcript, covers, "")

    async def _summarise(self, transcript: Transcript) -> str:
        params: dict[str, Any] = {
            "max_tokens": _SUMMARY_TOKENS,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
        }
        body = transcript.request(params, [{"role": "user", "content": _ASK}])
        try:
            result = await self._parts.caller.call(body, step=-1, purpose="compact")
        except BackendError as error:
            self._parts.clock.note(f"no summary: {error.cause}", "warning")
            return ""
        return result.answer.text.strip()

    async def cancel(self) -> None:
        """End a summary that is being written."""
        if self._summary is not None:
            self._summary.cancel()
            await asyncio.gather(self._summary, return_exceptions=True)


def _continued(transcript: Transcript, covers: int, summary: str) -> Transcript:
    return transcript.continued(
        _KEPT,
        covers,
        {"role": "assistant", "content": f"The work so far:\n{summary or _LOST}"},
        {"role": "user", "content": "Go on."},
    )
