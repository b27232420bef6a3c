"""Run commands the way the session's rules allow: contained, or with consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from hotloop.workspace.process import DEFAULT_CAPTURE_BYTES, ProcessResult, run_process
from hotloop.workspace.sandbox import Consent, Origin, Sandbox


class ContainedRunner(msgspec.Struct, frozen=True, kw_only=True):
    """`run_process` behind `Sandbox.prepare`, for the workspace folder that `cwd` names.

    `scratch` is writable and holds tool caches; `origin` says who gives the commands.
    """

    sandbox: Sandbox
    consent: Consent
    scratch: Path
    origin: Origin = "model"
    extra_writable: tuple[Path, ...] = ()

    async def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        deadline_s: float,
        env: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        max_capture_bytes: int = DEFAULT_CAPTURE_BYTES,
        output_path: Path | None = None,
    ) -> ProcessResult:
        """Run `command` in the workspace `cwd`. Raises what `prepare` and `run_process` raise."""
        argv = await self.sandbox.prepare(
            command,
            root=cwd,
            scratch=self.scratch,
            consent=self.consent,
            origin=self.origin,
            extra_writable=self.extra_writable,
        )
        return await run_process(
            argv,
            cwd=cwd,
            deadline_s=deadline_s,
            env=env,
            on_output=on_output,
            max_capture_bytes=max_capture_bytes,
            output_path=output_path,
        )
