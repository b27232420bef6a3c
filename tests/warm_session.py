"""A warm runner for the length of a test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from hotloop.workspace.process import ProcessResult
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import Runner, TestOutcome, run_tests
from hotloop.workspace.warm import WarmRunner

T = TypeVar("T")


def warmly(root: Path, sandbox: Sandbox, work: Callable[[WarmRunner], Awaitable[T]]) -> T:
    async def main() -> T:
        runner = WarmRunner(sys.executable, root, root.parent / "scratch")
        await runner.start(sandbox, Consent("yes"), "user")
        try:
            return await work(runner)
        finally:
            await runner.close()

    return asyncio.run(main())


async def outcome_of(root: Path, runner: Runner, deadline_s: float = 20.0) -> TestOutcome:
    plan = detect(root, f"{sys.executable} -m pytest")
    assert plan is not None
    return await run_tests(plan, root, runner, deadline_s=deadline_s)


async def pytest_in(root: Path, runner: WarmRunner, deadline_s: float = 20.0) -> ProcessResult:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return await runner(command, cwd=root, deadline_s=deadline_s)
