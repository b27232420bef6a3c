"""Best-first search around a small model's answers, over all suspect definitions at once.

What to try next is the likeliest by the model (the probability of a token it did not write) times
how suspect its line is by the tests. Copying another definition, which costs seconds, has a fixed
likelihood, so that it comes when the better candidates of the definitions so far are used up.
Candidates that need no call (slips, single tokens) are tested when that promises more per second.

The order also spares prefill: the definitions shown so far are one growing prefix; jobs of the
definition at hand are preferred; and lines are completed from the last to the first, so that each
request is a prefix of what the KV cache holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

from hotloop.levers.deviations import (
    Deviation,
    block_of,
    completed,
    next_start,
    opens_block,
    read_copy,
    readings,
)
from hotloop.levers.remarks import begun, places, rejoined, returns
from hotloop.levers.slips import slips
from hotloop.loop.agenda import Agenda, Job, Ready
from hotloop.loop.asking import ALTERNATIVES, ANSWER_TOKENS, Asking
from hotloop.loop.caller import CallResult
from hotloop.loop.candidates import comment_sign, fingerprint, is_comment, is_valid
from hotloop.loop.focus import Focus, another, crash_in, question
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
from hotloop.workspace.autoimport import mend_imports
from hotloop.workspace.fragment import syntax_fault
from hotloop.workspace.testrun import TestOutcome

LINE_TOKENS = 28
BLOCK_TOKENS = 24
_FIRST_DEFINITION = 0.3
_OTHER_DEFINITION = 0.2
_OTHER_THAN_MENDED = 0.03
_LATER_DEFINITION = 0.7
_MUCH_LESS = 0.5
_RESUME = 0.06
_REMARK = 0.15
_REMARKS = 4
_LATER_REMARK = 0.5
REMARK_TOKENS = 72
_REWRITTEN = 0.4
_CALL_COST = 0.5
_LATER_READING = 0.7
_ALONE = 0.4
_DOUBTED_RANK = 12
_SLIP = 0.04
_MOST_SLIPS = 24


class Search:
    """Candidates for the repair of the failing run `outcome`, the first or a later one."""

    def __init__(
        self,
        parts: Parts,
        asking: Asking,
        proving: Proving,
        outcome: TestOutcome,
        *,
        is_first: bool = True,
    ) -> None:
        self._parts = parts
        self._asking = asking
        self._proving = proving
        self._outcome = outcome
        self._other = _OTHER_DEFINITION if is_first else _OTHER_THAN_MENDED
        self._seen: set[str] = set()
        self._blocks: dict[tuple[str, str], str] = {}
        self._shown: list[Focus] = []
        self._agenda = Agenda()
        self._is_doubtful = False

    async def run(self, focuses: Sequence[Focus]) -> Found | None:
        """Try until a candidate wins or mends some of it, or nothing likely is left.

        What mends only some ends the search once `proving` is content with it: the tests that
        still fail say more than before.
        """
        for place, focus in enumerate(focuses):
            self._seen.add(fingerprint(focus.path, focus.source))
            is_far = focus.score < _MUCH_LESS * focuses[0].score
            score = self._hope(place, is_far=is_far)
            self._agenda.add(Job(score=score, focus=focus, start=focus.start))
            self._queue_slips(focus, score if place else 1.0)
        while not self._proving.has_progress:
            match self._agenda.next(self._proving.pace_s):
                case Ready() as one:
                    await self._submit(one.focus, one.text, is_guess=one.is_guess)
                    await self._proving.make_room()
                case []:
                    break
                case jobs:
                    await self._try_all(jobs)
        return await self._proving.settle()

    def _hope(self, place: int, *, is_far: bool) -> float:
        """Return a definition's score; `is_far`: it is much less suspect than the first."""
        if not place:
            return _FIRST_DEFINITION
        score = self._other * _LATER_DEFINITION ** (place - 1)
        return score * _MUCH_LESS if is_far else score

    async def _try_all(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self._proving.has_progress:
                return
            self._agenda.count(job)
            self._is_doubtful = job.score < _FIRST_DEFINITION
            if job.is_remark:
                await self._remark(job.focus, job.start)
            elif job.deviation is None:
                await self._copy(job.focus, job.start)
            else:
                await self._complete(job.focus, job.base, job.deviation)

    async def _copy(self, focus: Focus, start: int) -> None:
        """Let the model copy the definition from `start` on, and queue what it doubts."""
        result = await self._ask(
            focus,
            focus.source[:start],
            max_tokens=_answer_tokens(focus, start),
            logprobs=True,
            top_logprobs=ALTERNATIVES,
            stop=_end(focus),
        )
        if result is None:
            return
        written = _written(focus, start, result)
        if not result.was_cut:
            await self._submit(focus, written)
        if not self._parts.has("race"):
            return
        copy = read_copy(focus.source, start, result.scores)
        self._queue(focus, focus.source, copy.deviations, 1.0)
        if start == focus.start:
            self._queue_remarks(focus)
        if copy.end is None:
            return
        rewritten = read_copy(written, start, result.scores).deviations
        later = [one for one in rewritten if one.offset >= copy.end]
        self._queue(focus, written, later, _REWRITTEN)
        goes_on = next_start(focus.source, copy.end)
        if focus.source[goes_on:].strip():
            self._agenda.add(Job(score=_RESUME, focus=focus, start=goes_on))

    async def _remark(self, focus: Focus, start: int) -> None:
        """Let the model say in a comment what is wrong at a line, and go on from there."""
        begun_there = begun(focus.source, start, comment_sign(focus.path))
        stop = [*_end(focus), *returns(focus.source, start)]
        result = await self._ask(focus, begun_there, max_tokens=REMARK_TOKENS, stop=stop)
        if result is None:
            return
        answer, fence, _ = result.answer.text.partition("\n```")
        is_whole = not result.was_cut and (bool(fence) or answer.endswith("\n"))
        is_back = not result.was_cut and not is_whole
        if result.was_cut:
            answer = answer.rpartition("\n")[0]
        for text in rejoined(
            focus.source, start, answer.rstrip(), is_whole=is_whole, is_back=is_back
        ):
            await self._submit(focus, text)

    def _queue_remarks(self, focus: Focus) -> None:
        """Queue remarks at the first line that may be at fault, then at the most suspect ones."""
        first, *others = places(focus.source, focus.start) or [focus.start]
        ordered = [first, *sorted(others, key=lambda offset: -focus.suspicion(offset))]
        for place, offset in enumerate(ordered[:_REMARKS]):
            score = _REMARK * _LATER_REMARK**place
            self._agenda.add(Job(score=score, focus=focus, start=offset, is_remark=True))

    def _queue(
        self, focus: Focus, base: str, deviations: Sequence[Deviation], weight: float
    ) -> None:
        found: list[Ready] = []
        for one in deviations:
            if is_comment(focus.path, one.token):
                continue
            score = weight * one.probability * focus.suspicion(one.offset)
            for place, text in enumerate(readings(base, one)):
                alone = _ALONE * score * _LATER_READING**place
                found.append(Ready(score=alone, focus=focus, text=text))
            if "\n" not in one.token:
                self._agenda.add(
                    Job(score=score * _CALL_COST, focus=focus, base=base, deviation=one)
                )
        for rank, ready in enumerate(sorted(found, key=lambda one: -one.score)):
            doubt = 1 + (rank / _DOUBTED_RANK) ** 3
            self._agenda.add(msgspec.structs.replace(ready, score=ready.score / doubt))

    def _queue_slips(self, focus: Focus, likelihood: float) -> None:
        """Queue common slips on the lines that failing tests run, the likeliest of them."""
        if not self._parts.has("slips"):
            return
        share = _SLIP * likelihood**0.5
        found = [
            Ready(
                score=share * one.weight * focus.suspicion(one.offset),
                focus=focus,
                text=one.text,
                is_guess=True,
            )
            for one in slips(
                focus.source,
                focus.start,
                focus.language,
                crash_in(focus, self._outcome),
                focus.beside,
            )
        ]
        likeliest = sorted(found, key=lambda one: -one.score)
        valid = (one for one in likeliest if is_valid(focus.path, one.text))
        for one in itertools.islice(valid, _MOST_SLIPS):
            self._agenda.add(one)

    async def _complete(self, focus: Focus, base: str, deviation: Deviation) -> None:
        """Let the model write the rest of a line that begins with another token."""
        begun = base[: deviation.offset] + deviation.token
        result = await self._ask(focus, begun, max_tokens=LINE_TOKENS, stop=["\n"])
        if result is None or result.was_cut:
            return
        rest = result.answer.text
        if deviation.is_line_start and opens_block(rest):
            rest += await self._block(focus, begun + rest)
        for text in completed(base, deviation, rest):
            await self._submit(focus, text)

    async def _block(self, focus: Focus, begun: str) -> str:
        """Let the model write the block that a new line opens, once for each such line."""
        line = (focus.path, begun)
        if line not in self._blocks:
            result = await self._ask(focus, begun + "\n", max_tokens=BLOCK_TOKENS)
            if result is None:
                return ""
            self._blocks[line] = block_of(begun, result.answer.text)
        return self._blocks[line]

    async def _ask(self, focus: Focus, begun: str, **params: Any) -> CallResult | None:
        """Ask about a definition, with the answer begun; None when a candidate won meanwhile."""
        begun = self._begun(focus, begun)
        return await self._asking.ask(begun, or_progress=self._is_doubtful, **params)

    def _begun(self, focus: Focus, begun: str) -> str:
        """Return an answer begun to the question about a definition, which is put if it was not."""
        if focus not in self._shown:
            self._asking.put(self._question(focus))
            self._shown.append(focus)
        return f"```{focus.language}\n{begun}"

    def _question(self, focus: Focus) -> str:
        if self._shown:
            return another(focus)
        return question(self._parts.goal, self._outcome, focus)

    async def _submit(self, focus: Focus, text: str, *, is_guess: bool = False) -> bool:
        """Queue a definition's text for testing, if it is new, valid and not the same code."""
        mark = fingerprint(focus.path, text)
        if mark in self._seen or not is_valid(focus.path, text):
            return False
        self._seen.add(mark)
        whole = mend_imports(focus.path, focus.file_with(text))
        if syntax_fault(focus.language, whole):
            return False
        await self._proving.submit({focus.path: whole}, focus.name, is_guess=is_guess)
        return True


def _end(focus: Focus) -> list[str]:
    """Return what ends an answer: its fence, without a line end, which would hold back scores."""
    return ["```"] if "```" not in focus.source else []


def _answer_tokens(focus: Focus, start: int) -> int:
    return min(ANSWER_TOKENS, len(focus.source[start:]) // 2 + 60)


def _written(focus: Focus, start: int, result: CallResult) -> str:
    return focus.source[:start] + result.answer.text.split("\n```", 1)[0].rstrip()
