"""Client of the fork server that runs pytest without paying its start again and again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from hotloop.errors import ToolError
from hotloop.workspace.process import ProcessResult, clean_env
from hotloop.workspace.sandbox import Consent, Origin, Sandbox
from hotloop.workspace.tracer import plugin_dir

_GRACE_S = 5.0
_START_S = 20.0
_LEAVE_S = 1.0
_LINE_LIMIT_BYTES = 1 << 20


class _Answer(msgspec.Struct):
    status: int = 0
    output: str = ""
    timed_out: bool = False
    duration_s: float = 0.0
    id: int = 0


class WarmRunner:
    """Runs pytest jobs in forks of one interpreter; a `testrun.Runner` for `python -m pytest`.

    Nothing of the workspace is imported before the fork, so that an outcome is that of a cold
    run. Jobs run one after the other. Close it when done.
    """

    def __init__(self, python: str, root: Path, scratch: Path) -> None:
        self._python = python
        self._root = root
        self._scratch = scratch
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._numbers = itertools.count(1)

    async def start(self, sandbox: Sandbox, consent: Consent, origin: Origin) -> None:
        """Start the server in the sandbox. Raises ToolError when it does not come up."""
        argv = await sandbox.prepare(
            [self._python, str(plugin_dir() / "hotloop_warm.py")],
            root=self._root,
            scratch=self._scratch,
            consent=consent,
            origin=origin,
        )
        starting = asyncio.ensure_future(self._spawn(argv))
        try:
            # Cancelled in the middle, asyncio would wait for ever for a pipe that a child holds.
            self._process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._process = await starting
            raise
        await self._answer(0, _START_S)

    async def _spawn(self, argv: Sequence[str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._root,
            env=clean_env({"PYTHONDONTWRITEBYTECODE": "1"}),
            start_new_session=True,
            limit=_LINE_LIMIT_BYTES,
        )

    async def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        deadline_s: float,
        env: Mapping[str, str] | None = None,
        **_: object,
    ) -> ProcessResult:
        """Run the arguments behind `-m pytest` of `command` in `cwd`; ends it at `deadline_s`.

        Raises ToolError when the server is gone.
        """
        number = next(self._numbers)
        job = {
            "id": number,
            "cwd": str(cwd),
            "argv": list(command)[list(command).index("pytest") + 1 :],
            "env": dict(env or {}),
            "deadline_s": deadline_s,
        }
        async with self._turn:
            process = self._process
            if process is None or process.stdin is None:
                raise ToolError("the warm test runner is not running")
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            answer = await self._answer(number, deadline_s + _GRACE_S)
        return ProcessResult(
            status=answer.status,
            output=answer.output,
            duration_s=answer.duration_s,
            timed_out=answer.timed_out,
            output_bytes=len(answer.output),
        )

    async def _answer(self, number: int, patience_s: float) -> _Answer:
        """Return the answer to a job; those to jobs that were cancelled are passed over."""
        process = self._process
        if process is None or process.stdout is None:
            raise ToolError("the warm test runner is not running")
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    line = await process.stdout.readline()
                    answer = msgspec.json.decode(line, type=_Answer)
                    if answer.id == number:
                        return answer
        except (TimeoutError, ValueError, msgspec.DecodeError) as error:
            await self.close()
            raise ToolError(f"the warm test runner broke: {error!r}") from error

    async def close(self) -> None:
        """End the server and what it forked. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # the server then ends its run with all it started, and leaves
        try:
            async with asyncio.timeout(_LEAVE_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
