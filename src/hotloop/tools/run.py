"""The tool `run`."""

from __future__ import annotations

from hotloop.actions.types import Action, Observation, Run
from hotloop.errors import EnvironmentFault, ToolError
from hotloop.ledger.events import Effect
from hotloop.tools.base import ToolContext, cap, expect, output_file
from hotloop.workspace.runner import ContainedRunner


class RunTool:
    """Runs a shell command in the workspace, contained, with a deadline."""

    name: str = "run"
    effect: Effect = Effect.PROCESS

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Run `action.command`.

        Raises ToolError when it cannot be started, the user declines it, or there is neither a
        sandbox nor consent: the loop goes on without it.
        """
        wanted = expect(action, Run)
        if not wanted.command.strip():
            raise ToolError("the command is empty", "say what to run")
        runner = ContainedRunner(
            sandbox=context.sandbox, consent=context.consent, scratch=context.scratch
        )
        path = output_file(context, self.name)
        try:
            result = await runner(
                ["/bin/sh", "-c", wanted.command],
                cwd=context.workspace.root,
                deadline_s=context.limits.command_deadline_s,
                on_output=context.on_output,
                output_path=path,
            )
        except EnvironmentFault as error:
            raise ToolError(error.cause, "go on without running commands") from error
        ended = f"exit status {result.status}"
        if result.timed_out:
            ended = f"ended at its deadline of {context.limits.command_deadline_s:g} s"
        limit = context.limits.output_chars
        shown = cap(result.output, limit, str(path)).rstrip("\n")
        return Observation(
            tool=self.name,
            ok=result.status == 0 and not result.timed_out,
            text=f"{ended}\n{shown}".rstrip("\n"),
            summary=f"{ended} in {result.duration_s:.1f} s",
            full_path=str(path),
            data=result,
        )
