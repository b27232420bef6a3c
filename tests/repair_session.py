"""One repair of a repository in a test: the loop for a small model, without a session around it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from hotloop.backend.types import Backend
from hotloop.config import Config
from hotloop.ledger.events import Emit, Event
from hotloop.levers.trials import Trials
from hotloop.loop.budget import Budget
from hotloop.loop.caller import Caller
from hotloop.loop.clock import SessionClock
from hotloop.loop.parts import Parts
from hotloop.loop.prefetch import first_tests
from hotloop.loop.repair import Repair
from hotloop.loop.warming import Warming
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testplan import detect


class Repaired(msgspec.Struct, frozen=True):
    """How it ended: `end_s` is in the session's time, before what it used was cleared away."""

    solved: bool
    events: list[Event]
    end_s: float


async def repaired(
    root: Path,
    backend: Backend,
    goal: str,
    *,
    config: Config | None = None,
    test: str | None = None,
    start_s: float | None = None,
    on_event: Emit = lambda _: None,
) -> Repaired:
    """Repair what fails in `root`; without slips, unless `config` says otherwise."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        on_event(event)

    clock = SessionClock(emit, Budget(60.0, start_s or time.monotonic()))
    with Checkpoint(Workspace(root), "s1") as checkpoint:
        parts = _parts(root, backend, goal, config, test, clock, checkpoint)
        first = await first_tests(parts, trace=True)
        assert first.is_red
        assert first.outcome is not None
        assert parts.plan is not None
        trials = Trials(parts.context, parts.plan)
        starting = asyncio.create_task(trials.start())
        warming = Warming(parts, None)
        repair = Repair(parts, first.outcome, warming)
        end_s = 0.0
        try:
            await repair.run(trials, starting)
        finally:
            await warming.close()
            await asyncio.gather(starting, return_exceptions=True)
            end_s = clock.now_s()
            await trials.close()
    return Repaired(repair.solved, events, end_s)


def _parts(
    root: Path,
    backend: Backend,
    goal: str,
    config: Config | None,
    test: str | None,
    clock: SessionClock,
    checkpoint: Checkpoint,
) -> Parts:
    return Parts(
        goal=goal,
        config=config or Config(without=("slips",)),
        clock=clock,
        caller=Caller(backend, clock),
        context=ToolContext(
            workspace=Workspace(root),
            checkpoint=checkpoint,
            output_dir=root.parent / "out",
            scratch=root.parent / "scratch",
            sandbox=Sandbox(),
            consent=Consent("yes"),
            emit=clock.emit,
            now_s=clock.now_s,
        ),
        plan=detect(root, test),
        output_dir=root.parent / "out",
        is_small=True,
    )
