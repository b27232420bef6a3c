"""Try candidate edits in a copy of the workspace; the workspace itself is not touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hotloop.errors import HotloopError
from hotloop.tools.base import ToolContext
from hotloop.workspace.runner import ContainedRunner
from hotloop.workspace.sandbox import Origin
from hotloop.workspace.testcommand import Framework, TestPlan
from hotloop.workspace.testrun import Runner, TestOutcome, run_tests
from hotloop.workspace.warm import WarmRunner

_LEAST_DEADLINE_S = 2.0
_SLOWER = 5.0
_LEAST_AGAIN_S = 1.0
_SLOWER_AGAIN = 10.0
_MOST_COPIES = 2


class _Bench:
    """One copy of the workspace, with what runs tests in it."""

    def __init__(self, context: ToolContext, given: TestPlan, root: Path) -> None:
        self._context = context
        self._origin: Origin = "user" if given.reason == "given" else "model"
        self._warm: WarmRunner | None = None
        self.root = root
        self.plan = msgspec.structs.replace(given, root=str(root))

    async def start(self, *, warm: bool) -> None:
        """Copy the workspace and start the warm runner. Raises ToolError when it cannot copy."""
        context = self._context
        await asyncio.to_thread(context.workspace.copy_tree, self.root)
        if not warm:
            return
        runner = WarmRunner(self.plan.argv[0], self.root, context.scratch)
        try:
            await runner.start(context.sandbox, context.consent, self._origin)
        except HotloopError:
            await runner.close()  # cold runs do the same, slower
        except BaseException:
            await runner.close()
            raise
        else:
            self._warm = runner

    async def run(self, targets: tuple[str, ...], deadline_s: float) -> TestOutcome:
        """Run the tests as the copy is now."""
        runner: Runner = self._warm or ContainedRunner(
            sandbox=self._context.sandbox,
            consent=self._context.consent,
            scratch=self._context.scratch,
            origin=self._origin,
        )
        return await run_tests(
            self.plan,
            self.root,
            runner,
            deadline_s=deadline_s,
            targets=targets,
            scratch=self._context.scratch,
        )

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        target = self.root / path
        return target.read_bytes() if target.is_file() else None

    def write(self, path: str, data: bytes | None) -> None:
        """Write a file's bytes; None removes it."""
        target = self.root / path
        if data is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    async def close(self) -> None:
        """End the runner. Safe to call twice."""
        if self._warm is not None:
            await self._warm.close()


class Trials:
    """Copies of the workspace in which candidates are tested, `width` of them at a time.

    `mend` names the failing run that candidates have to mend: its failing tests run first, and a
    candidate may take a few times as long as it did, and less once candidates have shown how long
    they take: one that never ends must not hold up the others. pytest runs warm, unless `warm` is
    False.
    """

    def __init__(self, context: ToolContext, plan: TestPlan, *, warm: bool = True) -> None:
        self._context = context
        self._given = plan
        self._targets: tuple[str, ...] = ()
        self._deadline_s = self._again_s = _LEAST_DEADLINE_S
        self._warm_wanted = warm and plan.framework is Framework.PYTEST and not plan.shell
        self._folder = Path()
        self._benches: list[_Bench] = []
        self._free: asyncio.Queue[_Bench] = asyncio.Queue()
        self._accepted: dict[str, bytes] = {}
        self._more: asyncio.Task[None] | None = None

    @property
    def width(self) -> int:
        """Return how many candidates can be tested at the same time now."""
        return max(1, len(self._benches))

    async def start(self) -> None:
        """Make the first copy; others follow by themselves, one for each free CPU.

        Raises ToolError when it cannot copy.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="hotloop-trial-"))
        await self._add()
        self._more = asyncio.create_task(self._add_others())

    async def _add(self) -> None:
        bench = _Bench(self._context, self._given, self._folder / f"tree{len(self._benches)}")
        try:
            await bench.start(warm=self._warm_wanted)
        except BaseException:
            await bench.close()
            raise
        for path, data in self._accepted.items():
            bench.write(path, data)
        self._benches.append(bench)
        self._free.put_nowait(bench)

    async def _add_others(self) -> None:
        for _ in range(min(_MOST_COPIES, _cpus()) - 1):
            try:
                await self._add()
            except (HotloopError, OSError):
                return  # one copy does

    async def test(self, changes: Mapping[str, bytes]) -> TestOutcome:
        """Return the outcome of the failing tests, and if they pass of all, with files changed.

        `changes` maps paths to whole files. The copy is as before afterwards.
        """
        bench = await self._free.get()
        try:
            before = {path: bench.read(path) for path in changes}
            try:
                for path, data in changes.items():
                    bench.write(path, data)
                return await self._run(bench)
            finally:
                for path, data in before.items():
                    bench.write(path, data)
        finally:
            self._free.put_nowait(bench)

    def mend(self, outcome: TestOutcome) -> None:
        """Take a failing run as what candidates have to mend."""
        names = (one.test_id for one in outcome.failures if one.test_id)
        self._targets = tuple(dict.fromkeys(names))
        self._deadline_s = max(_LEAST_DEADLINE_S, _SLOWER * outcome.duration_s)
        self._again_s = self._deadline_s

    def accept(self, changes: Mapping[str, bytes], outcome: TestOutcome) -> None:
        """Take changes that are in the workspace now as the new base, with what still fails.

        No test may be running.
        """
        self._accepted |= changes
        for bench in self._benches:
            for path, data in changes.items():
                bench.write(path, data)
        self.mend(outcome)

    async def _run(self, bench: _Bench) -> TestOutcome:
        if self._targets and bench.plan.targetable:
            outcome = await bench.run(self._targets, self._again_s)
            if not outcome.timed_out:
                usual_s = max(_LEAST_AGAIN_S, _SLOWER_AGAIN * outcome.duration_s)
                self._again_s = min(self._deadline_s, usual_s)
            bad = outcome.failed + outcome.errors
            if outcome.timed_out or bad >= len(self._targets):
                return outcome
        return await bench.run((), self._deadline_s)

    async def close(self) -> None:
        """End the runners and remove the copies. Safe to call twice."""
        if self._more is not None:
            self._more.cancel()
            await asyncio.gather(self._more, return_exceptions=True)
        for bench in self._benches:
            await bench.close()
        if self._folder != Path():
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
