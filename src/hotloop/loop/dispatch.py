"""Run the actions of an answer: effect-free ones as soon as they close, the rest in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from hotloop.actions.parse import Parsed
from hotloop.actions.types import Action, AnyAction, Done, Observation, Test
from hotloop.ledger.events import ActionParsed, Effect, LeverAccount, StepKind, ToolEnd, ToolStart
from hotloop.levers.parallel import may_pass, overlap_s
from hotloop.loop.parts import Parts
from hotloop.tools.base import Tool, perform
from hotloop.workspace.testrun import TestOutcome

_SHOWN_ARGUMENTS = 120
_TOLD_S = 0.0005
_NOT_RUN = "not run: the answer was cut off at its length limit. Send it again, in smaller parts."


BeforeEffect = Callable[[AnyAction], Awaitable[None]]


async def _nothing(action: AnyAction) -> None:
    """Do nothing."""


class Dispatch:
    """The actions of one answer, in their order.

    `add` is called when an action closes in the stream: one without effect starts at once where
    the lever `eager` is on, unless it has to wait for one with an effect that stands before it.
    `finish` runs the others and returns all observations in the order of the actions.
    `cancel` ends what runs.

    `call` and `step` are the answer's numbers. `tests` is the latest run of all tests that an
    action asked for; `has_effect` says whether something may have changed since, or at all where
    there was none.
    """

    def __init__(
        self, parts: Parts, tools: Mapping[str, Tool], call: int, step: int, *, eager: bool
    ) -> None:
        self._parts = parts
        self._tools = tools
        self.call = call
        self.step = step
        self._eager = eager
        self._running: dict[int, asyncio.Task[Observation]] = {}
        self._early_s: dict[int, tuple[float, float | None]] = {}
        self._spans_s: list[tuple[float, float]] = []
        self._in_turn = asyncio.Semaphore(100 if parts.has("parallel") else 1)
        self.parsed: list[Parsed] = []
        self.tests: TestOutcome | None = None
        self.has_effect = False

    def add(self, parsed: Parsed) -> None:
        """Take what closed; start it if nothing can come of it but knowledge."""
        index = len(self.parsed)
        self.parsed.append(parsed)
        if parsed.action is None:
            return
        self._parts.clock.emit(
            ActionParsed(
                t_s=self._parts.clock.now_s(),
                call=self.call,
                action=self._id(index),
                tool=_name(parsed.action),
                args=msgspec.json.encode(parsed.action).decode(),
            )
        )
        if self._eager and self._may_start(index):
            self._start(index, "eager")

    async def finish(
        self,
        *,
        cut: bool = False,
        before_effect: BeforeEffect = _nothing,
        before_test: Callable[[], None] = lambda: None,
    ) -> list[tuple[Parsed, Observation]]:
        """Run what has not run yet and return all observations.

        Of an answer that was `cut` nothing with an effect runs: it may be half of a change.
        `before_effect` is awaited once with the first action that has an effect. `before_test` is
        called once before tests, which are a step of their own.
        """
        ended_s = self._parts.clock.now_s()
        observed: list[tuple[Parsed, Observation]] = []
        try:
            for index, parsed in enumerate(self.parsed):
                self._start_free(index)
                if not cut and parsed.action is not None and not self._is_free(parsed):
                    await before_effect(parsed.action)
                    before_effect = _nothing
                if not cut and isinstance(parsed.action, Test):
                    before_test()
                    before_test = lambda: None  # noqa: E731 - called once
                observed.append((parsed, await self._observe(index, cut=cut)))
        except BaseException:
            await self.cancel()
            raise
        self._account(ended_s)
        return observed

    async def cancel(self) -> None:
        """End what runs early, as when the stream failed; it has no effect to take back."""
        now_s = self._parts.clock.now_s()
        wasted_s = sum((end_s or now_s) - start_s for start_s, end_s in self._early_s.values())
        self._early_s.clear()
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        if wasted_s:
            self._parts.clock.emit(LeverAccount(t_s=now_s, lever="eager", wasted_s=wasted_s))

    def _account(self, ended_s: float) -> None:
        """Tell what starting early saved: of the longest run, what was over when the answer was."""
        if (beside_s := overlap_s(self._spans_s)) > _TOLD_S:
            self._parts.clock.emit(LeverAccount(t_s=ended_s, lever="parallel", saved_s=beside_s))
        spans = [(start_s, end_s or ended_s) for start_s, end_s in self._early_s.values()]
        if spans:
            alone_s = max(end_s - start_s for start_s, end_s in spans)
            waited_s = max(0.0, max(end_s for _, end_s in spans) - ended_s)
            saved_s = max(0.0, alone_s - waited_s)
            self._parts.clock.emit(LeverAccount(t_s=ended_s, lever="eager", saved_s=saved_s))

    def _start_free(self, first: int) -> None:
        """Start the effect-free actions from `first` on that need not wait for an effect."""
        for index in range(first, len(self.parsed)):
            if self._may_start(index, first):
                self._start(index, "")

    def _may_start(self, index: int, done: int = 0) -> bool:
        """Say whether an action has no effect and may pass those behind `done` that have one."""
        if not self._is_free(self.parsed[index]):
            return False
        effects = [one for one in self.parsed[done:index] if not self._is_free(one)]
        if not effects:
            return True
        actions = [one.action for one in effects if one.action is not None]
        action = self.parsed[index].action
        if action is None or not self._parts.has("parallel"):
            return False
        return may_pass(action, actions, self._parts.workspace.resolve)

    def _start(self, index: int, lever: str) -> None:
        if index not in self._running and self.parsed[index].action is not None:
            self._running[index] = asyncio.create_task(self._perform(index, lever, self.step))

    async def _observe(self, index: int, *, cut: bool) -> Observation:
        parsed = self.parsed[index]
        if index in self._running:
            return await self._running[index]
        match parsed.action:
            case None:
                return Observation(tool="error", ok=False, text=parsed.fault, summary=parsed.fault)
            case action if cut:
                return Observation(tool=_name(action), ok=False, text=_NOT_RUN, summary="not run")
            case Done(message=message):
                return Observation(tool="done", ok=True, text="ok", summary=message)
            case Test():
                return await self._test(index)
            case _:
                self.has_effect, self.tests = True, None
                return await self._perform(index, "", self.step)

    async def _test(self, index: int) -> Observation:
        with self._parts.clock.step(StepKind.TEST) as step:
            observation = await self._perform(index, "", step.number)
        outcome = observation.data
        if isinstance(outcome, TestOutcome) and not outcome.targeted:
            self.has_effect, self.tests = False, outcome
        return observation

    async def _perform(self, index: int, lever: str, step: int) -> Observation:
        action = self.parsed[index].action
        if action is None:
            raise AssertionError("only actions are performed")
        tool = self._tools[_name(action)]
        async with self._in_turn:
            return await self._perform_now(index, action, tool, lever, step)

    async def _perform_now(
        self, index: int, action: AnyAction, tool: Tool, lever: str, step: int
    ) -> Observation:
        clock = self._parts.clock
        start_s = clock.now_s()
        if lever:
            self._early_s[index] = (start_s, None)
        clock.emit(
            ToolStart(
                t_s=start_s,
                step=step,
                action=self._id(index),
                tool=tool.name,
                effect=tool.effect,
                summary=msgspec.json.encode(action).decode()[:_SHOWN_ARGUMENTS],
                lever=lever,
            )
        )
        context = msgspec.structs.replace(self._parts.context, action=self._id(index))
        observation = Observation(tool=tool.name, ok=False, text="", summary="cancelled")
        try:
            observation = await perform(tool, action, context)
        finally:
            end_s = clock.now_s()
            if lever:
                self._early_s[index] = (start_s, end_s)
            self._spans_s.append((start_s, end_s))
            clock.emit(
                ToolEnd(
                    t_s=end_s,
                    step=step,
                    action=self._id(index),
                    tool=tool.name,
                    start_s=start_s,
                    duration_s=end_s - start_s,
                    ok=observation.ok,
                    summary=observation.summary,
                    output_bytes=len(observation.text.encode()),
                )
            )
        return observation

    def _is_free(self, parsed: Parsed) -> bool:
        """Say whether what closed changes nothing: an action without effect, or a fault."""
        action = parsed.action
        if action is None:
            return True
        return not isinstance(action, Done) and self._tools[_name(action)].effect is Effect.NONE

    def _id(self, index: int) -> str:
        return f"c{self.call}a{index}"


def _name(action: Action) -> str:
    return str(type(action).__struct_config__.tag)
