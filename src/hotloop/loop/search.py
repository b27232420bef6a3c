"""Best-first search around a small model's answers, over all suspect definitions at once.

What to try next is the likeliest by the model (the probability of a token it did not write) times
how suspect its line is by the tests. Copying another definition, which costs seconds, has a fixed
likelihood, so that it comes when the better candidates of the definitions so far are used up.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.levers.deviations import Copy, Deviation, completed, next_start, read_copy, replaced
from hotloop.loop.caller import CallResult
from hotloop.loop.candidates import fingerprint, is_valid
from hotloop.loop.focus import Focus, question
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
from hotloop.loop.transcript import Transcript

ALTERNATIVES = 10
LINE_TOKENS = 28
ANSWER_TOKENS = 700
_OTHER_DEFINITION = 0.12
_LATER_DEFINITION = 0.7
_RESUME = 0.06
_LEAST_SCORE = 0.0015
_CALL_COST = 0.5


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """Something to try in a definition: copy it from `start` on, or a token in its place.

    With `complete`, the model writes the rest of the token's line.
    """

    focus: Focus
    start: int = 0
    deviation: Deviation | None = None
    complete: bool = False


class Search:
    """Candidates for the repair of one failing run; `digest` is what the run says."""

    def __init__(self, parts: Parts, transcript: Transcript, proving: Proving, digest: str) -> None:
        self.parts = parts
        self.proving = proving
        self._transcript = transcript
        self._digest = digest
        self._seen: set[str] = set()
        self._heap: list[tuple[float, int, _Job]] = []
        self._order = itertools.count()

    async def run(self, focuses: Sequence[Focus]) -> Found | None:
        """Try until a candidate wins or nothing likely is left; return the best there is."""
        score = 1.0
        for focus in focuses:
            self._seen.add(fingerprint(focus.path, focus.source))
            self._push(score, _Job(focus=focus, start=focus.start))
            score = _OTHER_DEFINITION if score == 1.0 else score * _LATER_DEFINITION
        while self._heap and self.proving.winner is None:
            await self._try(heapq.heappop(self._heap)[2])
        return await self.proving.settle()

    def _push(self, score: float, job: _Job) -> None:
        if score >= _LEAST_SCORE:
            heapq.heappush(self._heap, (-score, next(self._order), job))

    async def _try(self, job: _Job) -> None:
        if job.deviation is None:
            await self._copy(job.focus, job.start)
        elif job.complete:
            await self._complete(job.focus, job.deviation)
        else:
            await self._submit(job.focus, replaced(job.focus.source, job.deviation))

    async def _copy(self, focus: Focus, start: int) -> None:
        """Let the model copy the definition from `start` on, and queue what it doubts."""
        result = await self._ask(
            focus,
            focus.source[:start],
            max_tokens=min(ANSWER_TOKENS, len(focus.source[start:]) // 2 + 60),
            logprobs=True,
            top_logprobs=ALTERNATIVES,
        )
        if result is None:
            return
        if not result.was_cut:
            written = result.answer.text.split("\n```", 1)[0].rstrip()
            await self._submit(focus, focus.source[:start] + written)
        self._queue(focus, read_copy(focus.source, start, result.scores))

    def _queue(self, focus: Focus, copy: Copy) -> None:
        for deviation in copy.deviations:
            score = deviation.probability * focus.suspicion(deviation.offset)
            self._push(score, _Job(focus=focus, deviation=deviation))
            self._push(score * _CALL_COST, _Job(focus=focus, deviation=deviation, complete=True))
        if copy.end is not None:
            start = next_start(focus.source, copy.end)
            if focus.source[start:].strip():
                self._push(_RESUME, _Job(focus=focus, start=start))

    async def _complete(self, focus: Focus, deviation: Deviation) -> None:
        """Let the model write the rest of a line that begins with another token."""
        if "\n" in deviation.token:
            return
        begun = focus.source[: deviation.offset] + deviation.token
        result = await self._ask(focus, begun, max_tokens=LINE_TOKENS, stop=["\n"])
        if result is None or result.was_cut:
            return
        for text in completed(focus.source, deviation, result.answer.text):
            await self._submit(focus, text)

    async def _ask(self, focus: Focus, begun: str, **params: Any) -> CallResult | None:
        """Ask about a definition, with the answer begun; None when a candidate won meanwhile."""
        branch = [
            {"role": "user", "content": question(self.parts.goal, self._digest, focus)},
            {"role": "assistant", "content": f"```{focus.language}\n{begun}"},
        ]
        return await self.ask(branch, **params)

    async def ask(self, branch: Sequence[dict[str, Any]], **params: Any) -> CallResult | None:
        """Make a model call in a step of its own; None when a candidate won meanwhile."""
        body = self._transcript.request({"stream": True, "temperature": 0, **params}, branch)
        with self.parts.clock.step(StepKind.GENERATE) as step:
            call = self.parts.caller.call(body, step=step.number)
            return await self.proving.until_won(call)

    async def _submit(self, focus: Focus, text: str) -> None:
        """Queue a definition's text for testing, if it is new, valid and not the same code."""
        mark = fingerprint(focus.path, text)
        if mark in self._seen or not is_valid(focus.path, text):
            return
        self._seen.add(mark)
        asked = question(self.parts.goal, self._digest, focus)
        answer = f"```{focus.language}\n{text}\n```"
        await self.proving.submit({focus.path: focus.file_with(text)}, asked, answer)
