"""The loop for a model that chooses its own tools: call, act, observe, test, until done."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from hotloop.actions.dialects import prompt
from hotloop.actions.types import AnyAction, Define, Edit, Write
from hotloop.ledger.events import LeverAccount, StepKind
from hotloop.levers.overlap_tests import Priority, failed_so_far
from hotloop.levers.prefetch import Context
from hotloop.levers.warm_tests import WarmTests
from hotloop.loop.conversation import Conversation
from hotloop.loop.looking import Looking
from hotloop.loop.parts import Parts
from hotloop.loop.prefetch import Tests, failure_map, suspect_code, told_map
from hotloop.loop.testing import failed_file, run_tests
from hotloop.loop.turn import Repeats, Turn, kind_of, role_of
from hotloop.tools.base import Tool
from hotloop.tools.registry import registry
from hotloop.tools.test import TestTool
from hotloop.workspace.testrun import TestOutcome

if TYPE_CHECKING:
    from hotloop.levers.roles import Role

_MOST_NUDGES = 2
_NUDGE = "Call a tool, or call done when the goal is met."
_CUT = "Your answer was cut off at its length limit. Answer with a tool call, in fewer words."
_NOT_DONE = "Not done: a tool call of that message failed."
_VERDICT = "Say whether the goal is met, and what is left to do."
_STILL_RED = "Not done, the tests still fail:\n{digest}"


class Agent:
    """Meets a goal with a model that calls tools. `solved` tells whether tests are green.

    `tests` is the first test run, which may still be under way when the first call is made,
    `context` what was looked up for the first message.
    """

    def __init__(
        self, parts: Parts, spoken: str, tests: asyncio.Task[Tests] | None, context: Context
    ) -> None:
        self._parts = parts
        self._spoken = spoken
        self._tests = tests
        self._untold: Tests | None = None
        self._tools: dict[str, Tool] = registry([TestTool(parts.plan)])
        self._latest: TestOutcome | None = None
        self._was_red = False
        self._is_unproved = False
        self._has_edited = False
        self._is_verdict = False
        self._spared_verdicts = 0
        self._call_s: list[float] = []
        self._nudges = 0
        self._repeats = Repeats()
        self._warm = WarmTests(parts.context, parts.plan, on=parts.has("warm_tests"))
        self._begun_s = parts.clock.now_s()
        self._context = context
        self._looking = Looking(parts, context)
        self._priority = Priority(self._looking.files, lambda path: _text(parts, path))
        self.solved = False
        self.message = ""

    async def run(self) -> None:
        """Work until done."""
        first = await self._first_message(self._context.text)
        files = self._context.files or ()
        talk = Conversation(self._parts, self._spoken, self._tools, first, files)
        try:
            for number in range(self._parts.config.max_steps):
                turn = await self._step(talk, is_first=number == 0)
                self._call_s.append(turn.result.took_s)
                self._looking.take(turn)
                talk.take(turn)
                if await self._judge(turn, talk):
                    return
                await talk.tell(turn)
        finally:
            await talk.close()
            await self._warm.close()
            self._looking.account()
            self._account()
        self._parts.clock.note(f"gave up after {self._parts.config.max_steps} steps", "warning")

    async def _step(self, talk: Conversation, *, is_first: bool) -> Turn:
        """Ask the model once and run what it asks for."""
        self._warm.prepare()
        await talk.think()
        with ExitStack() as span:
            kind = StepKind.PLAN if is_first else StepKind.REASON
            step = span.enter_context(self._parts.clock.step(kind))
            result, dispatch = await talk.ask(step.number, self._role(is_first=is_first))
            step.kind = kind_of(
                dispatch.parsed,
                is_first=is_first,
                is_tested=self._latest is not None,
                is_verdict=self._is_verdict,
            )
            self._is_verdict = False
            observed = await dispatch.finish(
                cut=result.was_cut, before_effect=self._before_effect, before_test=span.close
            )
        return Turn(
            result=result,
            observed=observed,
            tests=dispatch.tests,
            has_effect=dispatch.has_effect,
        )

    def _role(self, *, is_first: bool) -> Role:
        """Return what the next call is asked for."""
        is_plan = is_first and self._parts.config.think == "with"
        is_red = self._has_edited and self._latest is not None and not self._latest.green
        return role_of(is_plan=is_plan, is_verdict=self._is_verdict, is_red=is_red)

    # judging ----------------------------------------------------------------

    async def _judge(self, turn: Turn, talk: Conversation) -> bool:
        """Say whether the session is at its end; what the model is to know is told in the turn."""
        await self._test(turn, talk)
        if turn.done is not None:
            self.message = turn.done.message
            return await self._accept_done(turn)
        if turn.has_edited:
            self._has_edited, self._nudges = True, 0
            # A small model cannot tell when it is done: its first edit that keeps green is it.
            was_asked = self._was_red or self._parts.is_small
            if self._is_green and was_asked and self._parts.has("finish"):
                self.solved = True
                return True
        if not turn.observed:
            return self._is_silence_the_end(turn, talk)
        if self._repeats.is_stuck(turn):
            self._parts.clock.note("the model repeats itself: stopped", "warning")
            return True
        return False

    async def _test(self, turn: Turn, talk: Conversation) -> None:
        """Take in the first test run when it is there, and run the tests after an edit."""
        if self._tests is not None and (self._tests.done() or turn.done or not turn.observed):
            await self._await_first()
        if turn.tests is not None:
            self._untold = None
            self._take(turn.tests)
        self._is_unproved = turn.has_effect or (self._is_unproved and turn.tests is None)
        if turn.has_edited and turn.has_effect and self._parts.plan is not None:
            self._untold = None
            ahead = asyncio.create_task(talk.prefill(turn))
            try:
                turn.told.append(f"[test] {await self._run_tests(turn.edited)}")
            finally:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
            talk.deadline.tests_s = self._priority.run_s
            if self._parts.has("finish"):
                self._spared_verdicts += 1
            else:
                turn.told.append(_VERDICT)
                self._is_verdict = True
        turn.told += await self._first_told()

    async def _run_tests(self, edited: Sequence[str]) -> str:
        """Run the tests after an edit; return what the model is told of it."""
        first = self._priority.first(edited) if self._parts.has("overlap_tests") else ()
        ready = self._warm.take()
        try:
            outcome, observation = await run_tests(self._parts, first=first, runner=ready)
        finally:
            await self._warm.used(ready)
        self._take(outcome, first)
        self._is_unproved = False
        return observation.text

    async def _before_effect(self, action: AnyAction) -> None:
        """See to it that the first test run is over before an effect changes what it tests.

        Where an edit is there, its verdict is all that is wanted, and known once a test failed.
        """
        failing: tuple[str, ...] = ()
        is_change = isinstance(action, Edit | Write | Define)
        if is_change and self._tests is not None and self._parts.has("overlap_tests"):
            failing = () if self._tests.done() else failed_so_far(failed_file(self._parts))
        if not failing or self._tests is None:
            await self._await_first()
            return
        cut, self._tests = self._tests, None
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        self._was_red = True
        self._note_first(self._parts.clock.now_s())
        self._priority.cut(failing, self._parts.clock.now_s() - self._begun_s)

    async def _await_first(self) -> None:
        """Wait for the first test run and take it in."""
        if self._tests is None:
            return
        asked_s = self._parts.clock.now_s()
        self._untold, self._tests = await self._tests, None
        self._take(self._untold.outcome)
        self._note_first(asked_s)

    def _note_first(self, asked_s: float) -> None:
        """Note how long the first run went on beside the model, until it was asked for."""
        taken_s = self._untold.outcome.duration_s if self._untold and self._untold.outcome else None
        beside_s = asked_s - self._begun_s
        self._looking.beside_s = beside_s if taken_s is None else min(beside_s, taken_s)

    def _take(self, outcome: TestOutcome | None, first: Sequence[str] = ()) -> None:
        if outcome is not None:
            self._latest = outcome
            self._priority.take(outcome, first=first)
            self._was_red = self._was_red or not (outcome.green or outcome.no_tests)

    @property
    def _is_green(self) -> bool:
        return self._latest is not None and self._latest.green and not self._is_unproved

    async def _accept_done(self, turn: Turn) -> bool:
        """Believe a model that says it is done only where the tests agree."""
        if turn.has_failed:
            return self._nudge(turn, _NOT_DONE)
        if self._parts.plan is None:
            return True
        if self._latest is None or self._is_unproved:
            outcome, _ = await run_tests(self._parts, StepKind.VERIFY)
            self._take(outcome)
            self._is_unproved = False
        if self._is_green:
            self.solved = True
            return True
        digest = self._latest.digest() if self._latest is not None else "no tests could be run"
        return self._nudge(turn, _STILL_RED.format(digest=digest))

    def _is_silence_the_end(self, turn: Turn, talk: Conversation) -> bool:
        """Judge an answer without an action: more is asked for, unless all is well."""
        self.message = turn.result.answer.text.strip()
        if self._is_green and self._has_edited:
            self.solved = True
            return True
        if self._nudge(turn, _CUT if turn.result.was_cut else _how_to_act(talk)):
            self._parts.clock.note("the model calls no tools", "warning")
            return True
        return False

    def _nudge(self, turn: Turn, text: str) -> bool:
        """Tell the model; say whether it was told too often."""
        turn.told.append(text)
        self._nudges += 1
        return self._nudges > _MOST_NUDGES

    def _account(self) -> None:
        runs, clock = self._priority.cut_runs, self._parts.clock
        if runs:
            saved_s, detail = self._priority.saved_s, f"{runs} runs ended with their verdict"
            clock.emit(
                LeverAccount(
                    t_s=clock.now_s(), lever="overlap_tests", saved_s=saved_s, detail=detail
                )
            )
        if self._spared_verdicts:
            # The calls were never made, so what they would have taken is not known.
            detail = f"{self._spared_verdicts} verdicts not asked for"
            if self._call_s:
                detail += f"; a call took {statistics.median(self._call_s):.2f} s here"
            clock.emit(LeverAccount(t_s=clock.now_s(), lever="finish", detail=detail))

    # messages ---------------------------------------------------------------

    async def _first_message(self, context: str) -> str:
        texts = [f"Goal: {self._parts.goal}", context]
        if self._tests is not None and self._tests.done():
            await self._await_first()
        return "\n\n".join(filter(None, [*texts, *await self._first_told()]))

    async def _first_told(self) -> list[str]:
        """Return what the first test run showed and where the fault may be, unless it was told."""
        tests, self._untold = self._untold, None
        if tests is None:
            return []
        if tests.outcome is None or tests.outcome.green:
            return [f"[test] {tests.text}"]
        code = suspect_code(self._parts, tests.outcome)
        if not code and not self._looking.mapped and self._parts.has("prefetch"):
            files = self._looking.files()
            found = await asyncio.to_thread(failure_map, self._parts, tests.outcome, files)
            self._looking.mapped = found.paths if found else ()
            code = told_map(found)
        return [f"[test] {tests.text}\n\n{code}".rstrip()]


def _text(parts: Parts, path: str) -> str:
    return parts.workspace.read_text(path).text


def _how_to_act(talk: Conversation) -> str:
    """Return the request for a tool call; in text where an endpoint seems to hide the tools."""
    if talk.dialect_name == "native" and not talk.is_known:
        return f"{_NUDGE}\n{prompt('text_tools')}"
    return _NUDGE
