"""Run the actions of an answer: effect-free ones as soon as they close, the rest in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from hotloop.actions.parse import Parsed
from hotloop.actions.types import Action, Done, Observation, Test
from hotloop.ledger.events import ActionParsed, Effect, LeverAccount, ToolEnd, ToolStart
from hotloop.loop.parts import Parts
from hotloop.tools.base import Tool, perform
from hotloop.workspace.testrun import TestOutcome

_SHOWN_ARGUMENTS = 120


class Dispatch:
    """The actions of one answer, in their order.

    `add` is called when an action closes in the stream: one without effect starts at once where
    the lever `eager` is on. `finish` runs the others, one after the other, and returns all
    observations in the order of the actions. `cancel` ends what runs.
    """

    def __init__(
        self, parts: Parts, tools: Mapping[str, Tool], call: int, step: int, *, eager: bool
    ) -> None:
        self._parts = parts
        self._tools = tools
        self._call = call
        self._step = step
        self._eager = eager
        self._parsed: list[Parsed] = []
        self._early: dict[int, asyncio.Task[Observation]] = {}
        self._early_s: dict[int, tuple[float, float]] = {}
        self.tests: TestOutcome | None = None

    @property
    def parsed(self) -> list[Parsed]:
        """Return what closed so far."""
        return self._parsed

    def add(self, parsed: Parsed) -> None:
        """Take what closed; start it if it has no effect."""
        index = len(self._parsed)
        self._parsed.append(parsed)
        action = parsed.action
        if action is None:
            return
        self._parts.clock.emit(
            ActionParsed(
                t_s=self._parts.clock.now_s(),
                call=self._call,
                action=self._id(index),
                tool=_name(action),
                args=msgspec.json.encode(action).decode(),
            )
        )
        if self._eager and self._effect(action) is Effect.NONE:
            self._start(index, "eager")

    async def finish(self) -> list[tuple[Parsed, Observation]]:
        """Run what has not run yet and return all observations."""
        ended_s = self._parts.clock.now_s()
        self._account(ended_s)
        for index, parsed in enumerate(self._parsed):
            if parsed.action is not None and self._effect(parsed.action) is Effect.NONE:
                self._start(index, "")
        return [(one, await self._observe(index)) for index, one in enumerate(self._parsed)]

    async def cancel(self) -> None:
        """End early actions, as when the stream failed; they have no effect to take back."""
        for task in self._early.values():
            task.cancel()
        await asyncio.gather(*self._early.values(), return_exceptions=True)

    def _account(self, ended_s: float) -> None:
        spans = [
            (start_s, end_s if end_s else ended_s) for start_s, end_s in self._early_s.values()
        ]
        if spans:
            saved_s = sum(min(end_s, ended_s) - start_s for start_s, end_s in spans)
            self._parts.clock.emit(LeverAccount(t_s=ended_s, lever="eager", saved_s=saved_s))

    def _start(self, index: int, lever: str) -> None:
        if index not in self._early:
            self._early[index] = asyncio.create_task(self._perform(index, lever))

    async def _observe(self, index: int) -> Observation:
        parsed = self._parsed[index]
        if parsed.action is None:
            return Observation(tool="error", ok=False, text=parsed.fault, summary=parsed.fault)
        if isinstance(parsed.action, Done):
            return Observation(tool="done", ok=True, text="", summary=parsed.action.message)
        if index in self._early:
            return await self._early[index]
        observation = await self._perform(index, "")
        if isinstance(parsed.action, Test) and isinstance(observation.data, TestOutcome):
            self.tests = observation.data
        return observation

    async def _perform(self, index: int, lever: str) -> Observation:
        action = self._parsed[index].action
        if action is None:
            raise AssertionError("only actions are performed")
        tool, clock = self._tools[_name(action)], self._parts.clock
        start_s = clock.now_s()
        if lever:
            self._early_s[index] = (start_s, 0.0)
        clock.emit(
            ToolStart(
                t_s=start_s,
                step=self._step,
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
            clock.emit(
                ToolEnd(
                    t_s=end_s,
                    step=self._step,
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

    def _effect(self, action: Action) -> Effect:
        if isinstance(action, Done):
            return Effect.PROCESS
        return self._tools[_name(action)].effect

    def _id(self, index: int) -> str:
        return f"c{self._call}a{index}"


def _name(action: Action) -> str:
    return str(type(action).__struct_config__.tag)
