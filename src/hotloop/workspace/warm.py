"""Client of the fork server that runs pytest without paying its start again and again."""

from __future__ import annotations

import asyncio
import contextlib
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
_LINE_LIMIT_BYTES = 1 << 20


class _Answer(msgspec.Struct):
    status: int = 0
    output: str = ""
    timed_out: bool = False
    duration_s: float = 0.0
    ready: bool = False


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

    async def start(self, sandbox: Sandbox, consent: Consent, origin: Origin) -> None:
        """Start the server in the sandbox. Raises ToolError when it does not come up."""
        argv = await sandbox.prepare(
            [self._python, str(plugin_dir() / "hotloop_warm.py")],
            root=self._root,
            scratch=self._scratch,
            consent=consent,
            origin=origin,
        )
        self._process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._root,
            env=clean_env({"PYTHONDONTWRITEBYTECODE": "1"}),
            start_new_session=True,
            limit=_LINE_LIMIT_BYTES,
        )
        await self._answer(_GRACE_S)

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
        job = {
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
            answer = await self._answer(deadline_s + _GRACE_S)
        return ProcessResult(
            status=answer.status,
            output=answer.output,
            duration_s=answer.duration_s,
            timed_out=answer.timed_out,
            output_bytes=len(answer.output),
        )

    async def _answer(self, patience_s: float) -> _Answer:
        process = self._process
        if process is None or process.stdout is None:
            raise ToolError("the warm test runner is not running")
        try:
            async with asyncio.timeout(patience_s):
                line = await process.stdout.readline()
            return msgspec.json.decode(line, type=_Answer)
        except (TimeoutError, ValueError, msgspec.DecodeError) as error:
            await self.close()
            raise ToolError(f"the warm test runner broke: {error!r}") from error

    async def close(self) -> None:
        """End the server and what it forked. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
