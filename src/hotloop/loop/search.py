"""Best-first search around a small model's answer, judged by tests in a copy of the workspace.

Model and tests work at the same time: while candidates are tested, the next one is written.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from hotloop.errors import HotloopError
from hotloop.ledger.events import Effect, StepKind, TestsRun, ToolEnd, ToolStart
from hotloop.levers.deviations import Copy, Deviation, completed, next_start, read_copy, replaced
from hotloop.levers.trials import Trials
from hotloop.loop.caller import CallResult
from hotloop.loop.candidates import fingerprint, is_valid
from hotloop.loop.focus import Focus
from hotloop.loop.parts import Parts
from hotloop.loop.transcript import Transcript
from hotloop.workspace.testrun import TestOutcome

ALTERNATIVES = 10
LINE_TOKENS = 28
ANSWER_TOKENS = 700
_BACKLOG = 3
_RESUME_PROBABILITY = 0.06
_LEAST_SCORE = 0.0015
_CALL_COST = 0.5


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that tests accept: whole files by path, and the answer as the model gave it."""

    texts: dict[str, str]
    answer: str
    outcome: TestOutcome


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """Something to try next: a token in place, a completed line, or copying on from `resume`."""

    deviation: Deviation | None = None
    complete: bool = False
    resume: int = 0


class Search:
    """Candidates for one session. `starting` is the task that prepares the copy."""

    def __init__(
        self,
        parts: Parts,
        transcript: Transcript,
        trials: Trials,
        starting: asyncio.Task[None],
        baseline: TestOutcome,
    ) -> None:
        self.parts = parts
        self.transcript = transcript
        self._trials = trials
        self._starting = starting
        self._baseline = baseline
        self._seen: set[str] = set()
        self._testing: set[asyncio.Task[None]] = set()
        self._found: asyncio.Future[Found] | None = None
        self._numbers = itertools.count(1)
        self.best_partial: Found | None = None

    # one definition -------------------------------------------------------

    async def definition(self, focus: Focus, text: str, share: float) -> Found | None:
        """Ask for a corrected definition and search around the answer.

        Takes at most `share` of the seconds left. The question stays in the transcript, the
        answers do not, except for one that wins.
        """
        until_s = time.monotonic() + max(1.0, self.parts.clock.budget.left_s * share)
        self.transcript.append({"role": "user", "content": text})
        self._seen.add(fingerprint(focus.path, focus.source))
        queue = _Queue()
        found = await self._scan(focus, focus.start, queue, is_first=True)
        while found is None and queue and time.monotonic() < until_s:
            found = await self._try(focus, queue)
        return found or await self.settle()

    async def _try(self, focus: Focus, queue: _Queue) -> Found | None:
        job = queue.pop()
        if job.deviation is None:
            return await self._scan(focus, job.resume, queue, is_first=False)
        if not job.complete:
            await self.submit(focus, replaced(focus.source, job.deviation))
            return self._winner()
        return await self._complete(focus, job.deviation)

    async def _scan(
        self, focus: Focus, start: int, queue: _Queue, *, is_first: bool
    ) -> Found | None:
        """Let the model copy the definition from `start` on, and queue what it doubts."""
        branch = _begun(focus, focus.source[:start])
        result = await self.ask(branch, max_tokens=_tokens_for(focus.source[start:]), logprobs=True)
        if result is None:
            return self._winner()
        copy = read_copy(focus.source, start, result.scores)
        written = focus.source[:start] + _until_fence(result.answer.text)
        if not result.was_cut:
            await self.submit(focus, written)
        self._queue_copy(focus, copy, queue)
        return self._winner()

    def _queue_copy(self, focus: Focus, copy: Copy, queue: _Queue) -> None:
        for deviation in copy.deviations:
            score = deviation.probability * focus.suspicion(deviation.offset)
            queue.push(score, _Job(deviation=deviation))
            if score * _CALL_COST >= _LEAST_SCORE:
                queue.push(score * _CALL_COST, _Job(deviation=deviation, complete=True))
        if copy.end is not None:
            resume = next_start(focus.source, copy.end)
            if resume < len(focus.source):
                queue.push(_RESUME_PROBABILITY, _Job(resume=resume))

    async def _complete(self, focus: Focus, deviation: Deviation) -> Found | None:
        """Let the model write the rest of a line that begins with another token."""
        if "\n" in deviation.token:
            return None
        begun = focus.source[: deviation.offset] + deviation.token
        result = await self.ask(_begun(focus, begun), max_tokens=LINE_TOKENS, stop=["\n"])
        if result is None or result.was_cut:
            return self._winner()
        for text in completed(focus.source, deviation, result.answer.text):
            await self.submit(focus, text)
        return self._winner()

    # model and tests ------------------------------------------------------

    async def ask(
        self, branch: list[dict[str, Any]], *, max_tokens: int, **params: Any
    ) -> CallResult | None:
        """Make a model call in a step of its own; None when a candidate won meanwhile."""
        if params.pop("logprobs", False):
            params |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        params = {"max_tokens": max_tokens, "stream": True, "temperature": 0, **params}
        body = self.transcript.request(params, branch)
        with self.parts.clock.step(StepKind.GENERATE) as step:
            call = asyncio.create_task(self.parts.caller.call(body, step=step.number))
            try:
                await asyncio.wait({call, self._future()}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not call.done():
                    call.cancel()
                    await asyncio.gather(call, return_exceptions=True)
        return None if call.cancelled() else call.result()

    async def submit(self, focus: Focus, text: str) -> None:
        """Queue a definition's text for testing, if it is new, valid and not the same code."""
        mark = fingerprint(focus.path, text)
        if mark in self._seen or not is_valid(focus.path, text):
            return
        self._seen.add(mark)
        answer = f"```{focus.language}\n{text}\n```"
        await self.submit_files({focus.path: focus.file_with(text)}, answer)

    async def submit_files(self, texts: Mapping[str, str], answer: str) -> None:
        """Queue whole files for testing; waits while too many are queued."""
        task = asyncio.create_task(self._test(dict(texts), answer))
        self._testing.add(task)
        task.add_done_callback(self._testing.discard)
        while len(self._testing) > _BACKLOG and not self._future().done():
            await asyncio.wait(
                {*self._testing, self._future()}, return_when=asyncio.FIRST_COMPLETED
            )

    async def settle(self) -> Found | None:
        """Wait for what is being tested; return the winner, else the best partial one."""
        while self._testing and not self._future().done():
            await asyncio.wait(
                {*self._testing, self._future()}, return_when=asyncio.FIRST_COMPLETED
            )
        return self._winner() or self.best_partial

    async def stop(self) -> None:
        """Cancel what is being tested."""
        for task in self._testing:
            task.cancel()
        await asyncio.gather(*self._testing, return_exceptions=True)

    def _future(self) -> asyncio.Future[Found]:
        if self._found is None:
            self._found = asyncio.get_running_loop().create_future()
        return self._found

    def _winner(self) -> Found | None:
        return self._found.result() if self._found is not None and self._found.done() else None

    async def _test(self, texts: dict[str, str], answer: str) -> None:
        await asyncio.shield(self._starting)
        data = {path: self._encoded(path, text) for path, text in texts.items()}
        outcome = await self._timed(data)
        if outcome is None:
            return
        found = Found(texts=texts, answer=answer, outcome=outcome)
        if outcome.green and not self._future().done():
            self._future().set_result(found)
        elif _is_better(outcome, self.best_partial, self._baseline):
            self.best_partial = found

    def _encoded(self, path: str, text: str) -> bytes:
        if (self.parts.workspace.root / path).is_file():
            return self.parts.workspace.read_text(path).encode(text)
        return text.encode()

    async def _timed(self, data: dict[str, bytes]) -> TestOutcome | None:
        clock, action = self.parts.clock, f"trial{next(self._numbers)}"
        with clock.step(StepKind.TEST) as step:
            start_s = clock.now_s()
            clock.emit(
                ToolStart(
                    t_s=start_s,
                    step=step.number,
                    action=action,
                    tool="test",
                    effect=Effect.PROCESS,
                    lever="race",
                )
            )
            outcome = None
            try:
                outcome = await self._trials.test(data)
            except HotloopError as error:
                clock.note(f"a candidate could not be tested: {error.cause}", "warning")
            finally:
                end_s = clock.now_s()
                clock.emit(
                    ToolEnd(
                        t_s=end_s,
                        step=step.number,
                        action=action,
                        tool="test",
                        start_s=start_s,
                        duration_s=end_s - start_s,
                        ok=outcome is not None and outcome.green,
                        summary=outcome.summary if outcome else "not run",
                    )
                )
            if outcome is not None:
                clock.emit(_event(outcome, action, clock.now_s()))
        return outcome


class _Queue:
    """Jobs by score, the best first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Job]] = []
        self._order = itertools.count()

    def __bool__(self) -> bool:
        return bool(self._heap)

    def push(self, score: float, job: _Job) -> None:
        heapq.heappush(self._heap, (-score, next(self._order), job))

    def pop(self) -> _Job:
        return heapq.heappop(self._heap)[2]


def _begun(focus: Focus, text: str) -> list[dict[str, Any]]:
    """Return the beginning of an answer, for the model to go on with."""
    return [{"role": "assistant", "content": f"```{focus.language}\n{text}"}]


def _tokens_for(text: str) -> int:
    return min(ANSWER_TOKENS, len(text) // 2 + 60)


def _until_fence(text: str) -> str:
    return text.split("\n```", 1)[0].rstrip()


def _is_better(outcome: TestOutcome, best: Found | None, baseline: TestOutcome) -> bool:
    if outcome.targeted or outcome.timed_out or not outcome.passed:
        return False
    bad = outcome.failed + outcome.errors
    least = best.outcome.failed + best.outcome.errors if best else None
    limit = baseline.failed + baseline.errors if least is None else least
    return bad < limit


def _event(outcome: TestOutcome, action: str, t_s: float) -> TestsRun:
    return TestsRun(
        t_s=t_s,
        action=action,
        command=outcome.command,
        green=outcome.green,
        passed=outcome.passed,
        failed=outcome.failed + outcome.errors,
        duration_s=outcome.duration_s,
        timed_out=outcome.timed_out,
        targeted=outcome.targeted,
    )
