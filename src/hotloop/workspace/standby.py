"""A cold pytest process that is started before it is wanted, and used once."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from hotloop.workspace.process import ProcessResult
from hotloop.workspace.runner import ContainedRunner
from hotloop.workspace.testcommand import Framework, TestPlan
from hotloop.workspace.tracer import plugin_dir

_WAITS_S = 3_600.0
_KILLED = 137


class Standby:
    """A `testrun.Runner` for `python -m pytest` that has started and imported pytest already.

    What it runs is a run of its own in a process of its own, cold in all that is the workspace's.
    It runs one command; after that, and where the process did not come up, commands run as they
    would without it. Close it when done.
    """

    def __init__(self, plan: TestPlan, runner: ContainedRunner) -> None:
        self._plan = plan
        self._runner = runner
        self._pipe = runner.scratch / f"standby-{uuid.uuid4().hex}"
        self._process: asyncio.Task[ProcessResult] | None = None
        self._hold = -1
        self._begun_s = 0.0
        self._output: list[str] = []
        self._listen: Callable[[str], None] | None = None
        self.saved_s = 0.0

    @staticmethod
    def fits(plan: TestPlan, runner: ContainedRunner) -> bool:
        """Say whether tests run by `python -m pytest`, and may be started without a question."""
        unasked = runner.sandbox.available or runner.consent.policy == "yes"
        return (
            (unasked or runner.origin == "user")
            and sys.platform != "win32"
            and plan.framework is Framework.PYTEST
            and plan.argv[1:3] == ("-m", "pytest")
        )

    async def start(self) -> None:
        """Start the process; what goes wrong shows when it is to run."""
        self._pipe.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(self._pipe, 0o600)
        # Held open for writing from the start: its end is how the process learns of ours.
        self._hold = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        os.set_inheritable(self._hold, False)
        self._begun_s = time.monotonic()
        script = str(plugin_dir() / "hotloop_standby.py")
        argv = [self._plan.argv[0], script, str(self._pipe), repr(self._begun_s)]
        self._process = asyncio.ensure_future(
            self._runner(
                argv,
                cwd=Path(self._plan.root),
                deadline_s=_WAITS_S,
                env=self._plan.command().env,
                on_output=self._take,
            )
        )
        await asyncio.sleep(0)

    def _take(self, text: str) -> None:
        self._output.append(text)
        if self._listen is not None:
            self._listen(text)

    async def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        deadline_s: float,
        env: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        output_path: Path | None = None,
    ) -> ProcessResult:
        """Run a pytest command and return how it ended; raises what the cold runner raises."""
        process, self._process = self._process, None
        result: ProcessResult | None = None
        try:
            if process is not None and tuple(command[1:3]) == ("-m", "pytest"):
                self._listen = on_output
                job = {"cwd": str(cwd), "argv": command[3:], "env": dict(env or {})}
                os.write(self._hold, msgspec.json.encode(job) + b"\n")
                result = await self._finish(process, deadline_s)
        finally:
            await self._end(process)
        if result is None:
            return await self._runner(
                command,
                cwd=cwd,
                deadline_s=deadline_s,
                env=env,
                on_output=on_output,
                output_path=output_path,
            )
        if output_path is not None:
            await asyncio.to_thread(_keep, output_path, "".join(self._output))
        return msgspec.structs.replace(result, output_path=str(output_path or ""))

    async def _finish(
        self, process: asyncio.Task[ProcessResult], deadline_s: float
    ) -> ProcessResult | None:
        """Return how the run ended; None where the process never came so far as to begin it."""
        start_s = time.monotonic()
        await asyncio.wait({process}, timeout=deadline_s)
        duration_s = time.monotonic() - start_s
        if process.done():
            started_s = self._started_s()
            if started_s is None:
                return None
            self.saved_s = min(started_s, start_s - self._begun_s)
            return msgspec.structs.replace(process.result(), duration_s=duration_s)
        output = "".join(self._output)
        return ProcessResult(status=_KILLED, output=output, duration_s=duration_s, timed_out=True)

    def _started_s(self) -> float | None:
        """Return the seconds that the process took to start; None where it did not."""
        try:
            return float(Path(f"{self._pipe}.ready").read_text())
        except (OSError, ValueError):
            return None

    @property
    def waited_s(self) -> float:
        """Return the seconds of a start that was not used; 0 where there was none."""
        return (self._started_s() or 0.0) if self._process is not None else 0.0

    async def close(self) -> None:
        """End the process if it still waits, and remove the pipe. Safe to call twice."""
        process, self._process = self._process, None
        await self._end(process)

    async def _end(self, process: asyncio.Task[ProcessResult] | None) -> None:
        if self._hold >= 0:
            os.close(self._hold)
            self._hold = -1
        if process is not None:
            process.cancel()
            await asyncio.gather(process, return_exceptions=True)
        for path in (self._pipe, Path(f"{self._pipe}.ready")):
            path.unlink(missing_ok=True)


def _keep(path: Path, output: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(output, "utf-8", errors="replace")
