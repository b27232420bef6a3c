"""Run tests as a step of the session."""

from __future__ import annotations

import itertools

import msgspec

from hotloop.actions.types import Observation, Test
from hotloop.ledger.events import Effect, StepKind, ToolEnd, ToolStart
from hotloop.loop.parts import Parts
from hotloop.tools.base import perform
from hotloop.tools.test import TestTool
from hotloop.workspace.testrun import TestOutcome

_DEADLINE_S = 60.0
_numbers = itertools.count(1)


async def run_tests(
    parts: Parts, kind: StepKind = StepKind.TEST, *, trace: bool = False
) -> tuple[TestOutcome | None, Observation]:
    """Run all tests of the workspace cold, in a step of `kind`; None where they could not run.

    With `trace`, executed lines are recorded where the framework allows it. Raises
    EnvironmentFault where there is neither a sandbox nor consent.
    """
    tool = TestTool(parts.plan, deadline_s=_DEADLINE_S, trace=trace)
    action = f"test{next(_numbers)}"
    context = msgspec.structs.replace(parts.context, action=action)
    with parts.clock.step(kind) as step:
        start_s = parts.clock.now_s()
        parts.clock.emit(
            ToolStart(
                t_s=start_s, step=step.number, action=action, tool="test", effect=Effect.PROCESS
            )
        )
        observation = Observation(tool="test", ok=False, text="", summary="cancelled")
        try:
            observation = await perform(tool, Test(), context)
        finally:
            end_s = parts.clock.now_s()
            parts.clock.emit(
                ToolEnd(
                    t_s=end_s,
                    step=step.number,
                    action=action,
                    tool="test",
                    start_s=start_s,
                    duration_s=end_s - start_s,
                    ok=observation.ok,
                    summary=observation.summary,
                    output_bytes=len(observation.text),
                )
            )
    if isinstance(observation.data, TestOutcome):
        return observation.data, observation
    return None, observation
