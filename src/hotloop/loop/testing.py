"""Run tests as a step of the session."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hotloop.actions.types import Observation, Test
from hotloop.ledger.events import Effect, StepKind, ToolEnd, ToolStart
from hotloop.loop.parts import Parts
from hotloop.tools.base import perform
from hotloop.tools.test import TestTool
from hotloop.workspace.testrun import Runner, TestOutcome

_DEADLINE_S = 60.0
_numbers = itertools.count(1)


async def run_tests(
    parts: Parts,
    kind: StepKind = StepKind.TEST,
    *,
    trace: bool = False,
    first: Sequence[str] = (),
    failed_to: Path | None = None,
    runner: Runner | None = None,
) -> tuple[TestOutcome | None, Observation]:
    """Run all tests of the workspace cold, in a step of `kind`; None where they could not run.

    With `trace`, executed lines are recorded where the framework allows it. With `first`, those
    tests run before the others, which only run if they pass; `failed_to` gets the ids of failing
    tests as they fail; `runner` is a process that is ready for it. Raises EnvironmentFault where
    there is neither a sandbox nor consent.
    """
    tool = TestTool(
        parts.plan,
        deadline_s=_DEADLINE_S,
        trace=trace,
        first=first,
        failed_to=failed_to,
        runner=runner,
    )
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


def failed_file(parts: Parts) -> Path:
    """Return the file that gets the ids of tests as they fail in the session's first run."""
    return parts.context.scratch / f"failed-{parts.output_dir.name}.txt"
