"""Prove candidates: test whole files in a copy of the workspace while the model writes on."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from hotloop.errors import HotloopError
from hotloop.ledger.events import Effect, StepKind, TestsRun, ToolEnd, ToolStart
from hotloop.levers.trials import Trials
from hotloop.loop.parts import Parts
from hotloop.workspace.testrun import TestOutcome

_BACKLOG = 3
_PATIENCE_S = 4.0
_PATIENCE_AFTER_GUESS_S = 15.0
_GUESSED_TEST_S = 0.1
_SOON_S = 0.4
ResultT = TypeVar("ResultT")
Rank = Callable[[TestOutcome], int | None]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that tests accept: whole files by path.

    `name` is the definition that was mended, empty where it was more than one.
    """

    texts: dict[str, str]
    outcome: TestOutcome
    name: str = ""


class Proving:
    """Candidates under test. `starting` is the task that prepares the copy.

    `rank` says how bad an outcome is, None where it is no better than before. `winner` is the
    first candidate with all tests green, `best_partial` the least bad of the others. What mends
    only some may do so by chance, so for a few seconds more a winner is looked for.
    """

    def __init__(
        self, parts: Parts, trials: Trials, starting: asyncio.Task[None], rank: Rank
    ) -> None:
        self._parts = parts
        self._trials = trials
        self._starting = starting
        self._rank = rank
        self._best = sys.maxsize
        self._testing: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        self._found: asyncio.Future[Found] = loop.create_future()
        self._progress: asyncio.Future[None] = loop.create_future()
        self._numbers = itertools.count(1)
        self.best_partial: Found | None = None
        self._tests_s: list[float] = []

    @property
    def winner(self) -> Found | None:
        """Return the candidate that won, if one did."""
        return self._found.result() if self._found.done() else None

    @property
    def has_progress(self) -> bool:
        """Say whether a candidate won, or one was better than what there was and none won since."""
        return self._found.done() or self._progress.done()

    @property
    def pace_s(self) -> float:
        """Return the seconds that a candidate's tests take, over how many run at the same time.

        That is the usual time: one candidate that hangs says nothing of the next.
        """
        usual_s = sorted(self._tests_s)[self.tested // 2] if self.tested else _GUESSED_TEST_S
        return usual_s / self._trials.width

    @property
    def tested(self) -> int:
        """Return how many candidates were tested."""
        return len(self._tests_s)

    @property
    def mean_test_s(self) -> float:
        """Return the mean seconds of a candidate's tests so far; 0 before the first."""
        return sum(self._tests_s) / self.tested if self.tested else 0.0

    async def submit(
        self, texts: Mapping[str, str], name: str = "", *, is_guess: bool = False
    ) -> None:
        """Queue whole files for testing; waits while too many are queued.

        What `is_guess` mends some by chance more often, so that a winner is awaited for longer.
        """
        task = asyncio.create_task(self._prove(dict(texts), name, is_guess))
        self._testing.add(task)
        task.add_done_callback(self._testing.discard)
        while len(self._testing) > _BACKLOG and not self._found.done():
            await self._wait_for_one()

    async def until_won(
        self, work: Callable[[], Awaitable[ResultT]], *, or_progress: bool = False
    ) -> ResultT | None:
        """Return what `work()` brings; None, and it cancelled, when a candidate wins first.

        With `or_progress`, also when one has been better than what there was for a while. It
        begins when what is being tested is over, if that is soon.
        """
        await self._settle_soon()
        if self._found.done():
            return None
        task = asyncio.ensure_future(work())
        ends = {task, self._found, *([self._progress] if or_progress else [])}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return None if task.cancelled() else task.result()

    async def make_room(self) -> None:
        """Wait until one more candidate could be tested at once, or one has won."""
        while len(self._testing) >= self._trials.width and not self._found.done():
            await self._wait_for_one()

    async def settle(self) -> Found | None:
        """Wait for what is being tested; return the winner, else the best partial one."""
        while self._testing and not self._found.done():
            await self._wait_for_one()
        return self.winner or self.best_partial

    async def _settle_soon(self) -> None:
        """Wait for what is being tested: a call beside it would take longer than after it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SOON_S):
                while self._testing and not self._found.done():
                    await self._wait_for_one()

    async def stop(self) -> None:
        """Cancel what is being tested."""
        for task in self._testing:
            task.cancel()
        await asyncio.gather(*self._testing, return_exceptions=True)

    async def _wait_for_one(self) -> None:
        await asyncio.wait({*self._testing, self._found}, return_when=asyncio.FIRST_COMPLETED)

    async def _prove(self, texts: dict[str, str], name: str, is_guess: bool) -> None:
        await asyncio.shield(self._starting)
        data = {path: self._encoded(path, text) for path, text in texts.items()}
        outcome = await self._timed(data)
        if outcome is None:
            return
        self._tests_s.append(outcome.duration_s)
        if outcome.green and not self._found.done():
            self._found.set_result(Found(texts=texts, outcome=outcome, name=name))
            return
        rank = self._rank(outcome)
        if rank is not None and outcome.targeted:  # what it breaks elsewhere is not known yet
            outcome = await self._timed(data, whole=True)
            rank = self._rank(outcome) if outcome else None
        if outcome is not None and rank is not None and rank < self._best:
            patience_s = _PATIENCE_AFTER_GUESS_S if is_guess else _PATIENCE_S
            asyncio.get_running_loop().call_later(patience_s, self._be_content)
            self._best = rank
            self.best_partial = Found(texts=texts, outcome=outcome, name=name)

    def _be_content(self) -> None:
        if not self._progress.done():
            self._progress.set_result(None)

    def _encoded(self, path: str, text: str) -> bytes:
        if (self._parts.workspace.root / path).is_file():
            return self._parts.workspace.read_text(path).encode(text)
        return text.encode()

    async def _timed(self, data: dict[str, bytes], *, whole: bool = False) -> TestOutcome | None:
        clock, action = self._parts.clock, f"trial{next(self._numbers)}"
        outcome: TestOutcome | None = None
        async with self._trials.turn() as bench:
            with clock.step(StepKind.TEST) as step, self._told(step.number, action) as end:
                try:
                    outcome = await self._trials.test(bench, data, whole=whole)
                except HotloopError as error:
                    clock.note(f"a candidate could not be tested: {error.cause}", "warning")
                end(outcome)
        return outcome

    @contextmanager
    def _told(self, step: int, action: str) -> Generator[Callable[[TestOutcome | None], None]]:
        """Emit when a test starts and ends; the block says how it came out if it came to an end."""
        clock = self._parts.clock
        start_s = clock.now_s()
        clock.emit(
            ToolStart(
                t_s=start_s,
                step=step,
                action=action,
                tool="test",
                effect=Effect.PROCESS,
                lever="race",
            )
        )
        seen: list[TestOutcome | None] = []
        try:
            yield seen.append
        finally:
            outcome, end_s = seen[0] if seen else None, clock.now_s()
            clock.emit(
                ToolEnd(
                    t_s=end_s,
                    step=step,
                    action=action,
                    tool="test",
                    start_s=start_s,
                    duration_s=end_s - start_s,
                    ok=outcome is None or outcome.green,
                    summary=outcome.summary if outcome else "no longer needed",
                )
            )
        if outcome is not None:
            clock.emit(_event(outcome, action, clock.now_s()))


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
