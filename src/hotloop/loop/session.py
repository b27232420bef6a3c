"""One goal being met, from its start to its end, whatever the end is."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

import msgspec

import hotloop
from hotloop import paths
from hotloop.config import REPOSITORY_FILE, Config
from hotloop.errors import HotloopError, ToolError
from hotloop.ledger.events import Emit, Event, Outcome, SessionStart
from hotloop.ledger.fold import Summary
from hotloop.levers.prefetch import Context
from hotloop.loop.budget import Budget
from hotloop.loop.caller import Caller
from hotloop.loop.capability import choose_dialect
from hotloop.loop.clock import SessionClock
from hotloop.loop.opening import Opened
from hotloop.loop.parts import Parts
from hotloop.loop.prefetch import Tests, first_tests, gather_context
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox, scratch_dir
from hotloop.workspace.testcommand import TestPlan
from hotloop.workspace.testplan import detect

if TYPE_CHECKING:
    from hotloop.levers.hedge import Hedge
    from hotloop.levers.trials import Trials
    from hotloop.loop.routes import Routes
    from hotloop.loop.warming import Warming

# Long enough for tests that are next to instant, too short to be felt where they are not.
_TESTS_HEAD_START_S = 0.02
_NO_TESTS = "no tests found, so nothing can be verified: name the command with --test"


def new_session_id() -> str:
    """Return an id that sorts by time: `1123-040501-9f3a`."""
    return time.strftime("%m%d-%H%M%S-") + secrets.token_hex(2)


class Session:
    """Meets one goal in one workspace. `emit` gets every event; it must not raise."""

    def __init__(
        self,
        goal: str,
        workspace: Workspace,
        config: Config,
        opened: Opened,
        emit: Emit,
        consent: Consent,
        session: str,
    ) -> None:
        self.session = session
        self._goal = goal
        self._workspace = workspace
        self._config = config
        self._opened = opened
        self._sink = emit
        self._summary = Summary()
        self._clock = SessionClock(self._emit, Budget(config.budget_s, opened.start_s))
        self._consent = consent
        self._solved = False
        self.fault: HotloopError | None = None

    def _emit(self, event: Event) -> None:
        self._summary.add(event)
        self._sink(event)

    async def run(self) -> Outcome:
        """Work until an end is reached; always emits `session.end`. Cancelling is an end too."""
        outcome = Outcome.ERROR
        self._announce()
        limit = asyncio.timeout(max(0.0, self._clock.budget.left_s))
        with Checkpoint(self._workspace, self.session) as checkpoint:
            try:
                async with limit:
                    await self._work(self._parts(checkpoint))
                outcome = Outcome.SOLVED if self._solved else Outcome.UNSOLVED
            except TimeoutError:
                if not limit.expired():
                    raise
                outcome = self._end_of_time()
            except asyncio.CancelledError:
                self._clock.note("interrupted")
                raise
            except HotloopError as error:
                self.fault = error
                next_step = f"; next: {error.next_step}" if error.next_step else ""
                self._clock.note(f"{error.cause}{next_step}", "error")
            finally:
                self._tell_changes(checkpoint, outcome)
                now_s = self._clock.now_s()
                self._sink(self._summary.session_end(outcome, self.session, now_s))
        return outcome

    def _end_of_time(self) -> Outcome:
        if self._solved:
            return Outcome.SOLVED
        text = f"over the budget of {self._config.budget_s:g} s; give more with --budget"
        tests = [tool for tool in self._summary.tools if tool.is_test]
        last_s = tests[-1].end_s - tests[-1].start_s if tests else 0.0
        if last_s > self._config.budget_s / 2:
            text += f", or fewer tests with --test: a run of them took {last_s:.1f} s"
        self._clock.note(text, "warning")
        return Outcome.OVER_BUDGET

    def _announce(self) -> None:
        self._emit(
            SessionStart(
                t_s=0.0,
                session=self.session,
                goal=self._goal,
                repo=str(self._workspace.root),
                backend=self._opened.client.base_url,
                model=self._opened.client.model,
                dialect=self._dialect(),
                budget_s=self._config.budget_s,
                started_at=time.time(),
                version=hotloop.__version__,
            )
        )

    def _dialect(self) -> str:
        client = self._opened.client
        return choose_dialect(
            self._config, client.base_url, client.model, is_small=self._opened.is_small
        )

    def _parts(self, checkpoint: Checkpoint) -> Parts:
        output_dir = paths.state_dir() / "outputs" / self.session
        root = self._workspace.root
        return Parts(
            goal=self._goal,
            config=self._config,
            clock=self._clock,
            caller=Caller(self._opened.client, self._clock, self._hedge()),
            context=ToolContext(
                workspace=self._workspace,
                checkpoint=checkpoint,
                output_dir=output_dir,
                scratch=scratch_dir(root),
                sandbox=Sandbox.detect(),
                consent=self._consent,
                emit=self._emit,
                now_s=self._clock.now_s,
            ),
            plan=self._plan(),
            output_dir=output_dir,
            routes=self._routes(),
            is_small=self._opened.is_small,
        )

    def _hedge(self) -> Hedge | None:
        if not self._opened.replicas:
            return None
        from hotloop.levers.hedge import Hedge
        from hotloop.levers.speed import Speed
        from hotloop.probe.cached import load

        first, clock = self._opened.client, self._clock
        known = load(first.base_url, first.model)
        speed = Speed(known.rates() if known else None)
        return Hedge(first, self._opened.replicas, speed, clock.now_s, clock.note)

    def _routes(self) -> Routes | None:
        if not self._opened.roles:
            return None
        from hotloop.loop.routes import Routes

        return Routes(self._opened.client, self._opened.roles, self._clock)

    def _plan(self) -> TestPlan | None:
        plan = detect(self._workspace.root, self._config.test)
        if plan is None or not self._config.test_needs_consent:
            return plan
        # A command from the repository's own file is not the user's word: it needs consent.
        return msgspec.structs.replace(plan, reason=f"named in {REPOSITORY_FILE}")

    async def _work(self, parts: Parts) -> None:
        if parts.plan is None:
            self._clock.note(_NO_TESTS, "warning")
        if parts.is_small and parts.plan is not None:
            await self._work_small(parts, parts.plan)
            return
        if parts.plan is None or not parts.has("prefetch"):
            await self._work_free(parts, None)
            return
        tests = asyncio.create_task(first_tests(parts, trace=True))
        try:
            await asyncio.sleep(0)  # they start now, while the agent's modules are imported
            await self._work_free(parts, tests)
        finally:
            tests.cancel()
            await asyncio.gather(tests, return_exceptions=True)

    async def _work_small(self, parts: Parts, plan: TestPlan) -> None:
        """Repair what fails; a small model gets free tool use only where nothing fails."""
        from hotloop.levers.trials import Trials
        from hotloop.loop.warming import Warming

        warming = Warming(parts, self._opened.engine)
        trials = Trials(parts.context, plan, warm=parts.has("warm_tests"))
        warming.start()
        starting = asyncio.create_task(trials.start())
        try:
            first = await first_tests(parts, trace=True)
            if first.is_red:
                await self._repair(parts, first, trials, starting, warming)
                return
            await warming.finish()
        finally:
            await warming.close()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await trials.close()
        done: asyncio.Task[Tests] = asyncio.create_task(_given(first))
        await asyncio.wait({done})
        await self._work_free(parts, done)

    async def _repair(
        self,
        parts: Parts,
        first: Tests,
        trials: Trials,
        starting: asyncio.Task[None],
        warming: Warming,
    ) -> None:
        if first.outcome is None:
            return
        from hotloop.loop.repair import Repair

        repair = Repair(parts, first.outcome, warming)
        try:
            await repair.run(trials, starting)
        finally:
            self._solved = repair.solved

    async def _work_free(self, parts: Parts, tests: asyncio.Task[Tests] | None) -> None:
        due_s = self._clock.now_s() + _TESTS_HEAD_START_S
        from hotloop.loop.agent import Agent

        context = await gather_context(parts) if parts.has("prefetch") else Context()
        if tests is not None:
            await asyncio.wait({tests}, timeout=max(0.0, due_s - self._clock.now_s()))
            if tests.done():
                tests.result()
        agent = Agent(parts, self._dialect(), tests, context)
        try:
            await agent.run()
        finally:
            self._solved = agent.solved
        if agent.message:
            self._clock.note(agent.message)

    def _tell_changes(self, checkpoint: Checkpoint, outcome: Outcome) -> None:
        if outcome is Outcome.SOLVED:
            return
        try:
            changed = checkpoint.changed()
        except ToolError as error:
            self._clock.note(f"cannot tell what was changed: {error}", "warning")
            return
        if changed:
            names = ", ".join(changed)
            self._clock.note(f"left changed: {names}; take it back with `hotloop undo`")


async def _given(tests: Tests) -> Tests:
    return tests
