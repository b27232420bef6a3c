"""The tool `test`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from hotloop.actions.types import Action, Observation, Test
from hotloop.errors import ToolError
from hotloop.ledger.events import Effect, TestsRun
from hotloop.tools.base import ToolContext, expect, output_file
from hotloop.workspace.runner import ContainedRunner
from hotloop.workspace.testplan import TestPlan, detect
from hotloop.workspace.testrun import Runner, TestOutcome, run_tests


class TestTool:
    """Runs the project's tests, contained, with a deadline; tells the failing part.

    `plan` is how the tests run; found anew at each run where it is None, since an edit may have
    brought the first test. `trace` records executed lines where the plan allows it. `first` and
    `failed_to` are those of `run_tests`; `runner` runs the command instead of a new process.
    """

    __test__: ClassVar[bool] = False

    name: str = "test"
    effect: Effect = Effect.PROCESS

    def __init__(
        self,
        plan: TestPlan | None = None,
        *,
        deadline_s: float | None = None,
        trace: bool = False,
        first: Sequence[str] = (),
        failed_to: Path | None = None,
        runner: Runner | None = None,
    ) -> None:
        self.plan = plan
        self.deadline_s = deadline_s
        self.trace = trace
        self.first = first
        self.failed_to = failed_to
        self.runner = runner

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Run all tests or `action.target`; `data` is the TestOutcome.

        Raises ToolError when the workspace has no tests or the command cannot be started, and
        EnvironmentFault where there is neither a sandbox nor consent.
        """
        target = expect(action, Test).target.strip()
        plan = self.plan or detect(context.workspace.root)
        if plan is None:
            raise ToolError(
                "no tests found in the workspace", "add a test, or name the command with --test"
            )
        outcome = await self._run(plan, target, context)
        context.emit(_event(outcome, context))
        return Observation(
            tool=self.name,
            ok=outcome.green,
            text=outcome.digest(),
            summary=outcome.summary,
            full_path=outcome.output_path,
            data=outcome,
        )

    async def _run(self, plan: TestPlan, target: str, context: ToolContext) -> TestOutcome:
        return await run_tests(
            plan,
            context.workspace.root,
            self.runner or runner_of(plan, context),
            deadline_s=self.deadline_s or context.limits.command_deadline_s,
            targets=(target,) if target else (),
            trace=self.trace,
            first=self.first,
            failed_to=self.failed_to,
            on_output=context.on_output,
            output_path=output_file(context, self.name),
            scratch=context.scratch,
        )


def runner_of(plan: TestPlan, context: ToolContext) -> ContainedRunner:
    """Return what runs a plan's tests as the session's rules allow."""
    return ContainedRunner(
        sandbox=context.sandbox,
        consent=context.consent,
        scratch=context.scratch,
        origin="user" if plan.reason == "given" else "model",
    )


def _event(outcome: TestOutcome, context: ToolContext) -> TestsRun:
    return TestsRun(
        t_s=context.now_s(),
        action=context.action,
        command=outcome.command,
        green=outcome.green,
        passed=outcome.passed,
        failed=outcome.failed + outcome.errors,
        duration_s=outcome.duration_s,
        timed_out=outcome.timed_out,
        targeted=outcome.targeted,
    )
