"""Try candidate edits in copies of the workspace; the workspace itself is not touched."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import msgspec

from hotloop.errors import HotloopError
from hotloop.tools.base import ToolContext
from hotloop.tools.test import runner_of
from hotloop.workspace.testcommand import Framework, TestPlan
from hotloop.workspace.testrun import TestOutcome, run_tests
from hotloop.workspace.warm import WarmRunner

_LEAST_DEADLINE_S = 2.0
_SLOWER = 2.5
_LEAST_AGAIN_S = 1.0
_SLOWER_AGAIN = 10.0
_MOST_COPIES = 2
_MOST_COPY_S = 2.0


class Bench:
    """One copy of the workspace, with what runs tests in it, one run at a time.

    `copy_s` is what it took to copy.
    """

    def __init__(self, context: ToolContext, given: TestPlan, root: Path) -> None:
        self._context = context
        self._warm: WarmRunner | None = None
        self.copy_s = 0.0
        self.root = root
        self.plan = msgspec.structs.replace(given, root=str(root))
        self._cold = runner_of(self.plan, context)

    async def start(self, *, warm: bool) -> None:
        """Copy the workspace and start the warm runner. Raises ToolError when it cannot copy."""
        context, begun_s = self._context, time.monotonic()
        await asyncio.to_thread(context.workspace.copy_tree, self.root)
        self.copy_s = time.monotonic() - begun_s
        if not warm:
            return
        runner = self._warm = WarmRunner(self.plan.argv[0], self.root, context.scratch)
        try:
            await runner.start(context.sandbox, context.consent, self._cold.origin)
        except HotloopError:
            await self.close()  # cold runs do the same, slower

    async def run(self, targets: tuple[str, ...], deadline_s: float) -> TestOutcome:
        """Run the tests as the copy is now; all of them without `targets`."""
        return await run_tests(
            self.plan,
            self.root,
            self._warm or self._cold,
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
            self._warm = None


class Trials:
    """Copies of the workspace in which candidates are tested, `width` of them at a time.

    A second copy is made where there is a processor for it, the first was made quickly, and the
    sandbox keeps runs apart, which might else want the same port or file. `mend` names the failing
    run that candidates have to mend: its failing tests run first, and a candidate may take a few
    times as long as it did, and less once candidates have shown how long they take: one that never
    ends must not hold up the others. pytest runs warm, unless `warm` is False.
    """

    def __init__(self, context: ToolContext, plan: TestPlan, *, warm: bool = True) -> None:
        self._context = context
        self._given = plan
        self._targets: tuple[str, ...] = ()
        self._deadline_s = self._again_s = _LEAST_DEADLINE_S
        self._warm_wanted = warm and plan.framework is Framework.PYTEST and not plan.shell
        self._folder = Path()
        self._benches: list[Bench] = []
        self._free: asyncio.Queue[Bench] = asyncio.Queue()
        self._accepted: dict[str, bytes] = {}
        self._adding: asyncio.Task[None] | None = None

    @property
    def width(self) -> int:
        """Return how many candidates can be tested at the same time, now or in a moment."""
        is_coming = self._adding is not None and not self._adding.done()
        return max(1, len(self._benches)) + is_coming

    async def start(self) -> None:
        """Copy the workspace and start the warm runner. Raises ToolError when it cannot copy."""
        self._folder = Path(tempfile.mkdtemp(prefix="hotloop-trial-"))
        await self._add()
        if self._can_add:
            self._adding = asyncio.create_task(self._add_another())

    async def _add(self) -> None:
        bench = Bench(self._context, self._given, self._folder / f"tree{len(self._benches)}")
        try:
            await bench.start(warm=self._warm_wanted)
        except BaseException:
            await bench.close()
            raise
        for path, data in self._accepted.items():
            bench.write(path, data)
        self._benches.append(bench)
        self._free.put_nowait(bench)

    @property
    def _can_add(self) -> bool:
        is_shared = self._given.framework is Framework.CARGO  # its target folder
        is_apart = self._context.sandbox.available and not is_shared
        was_quick = bool(self._benches) and self._benches[0].copy_s <= _MOST_COPY_S
        return is_apart and was_quick and _cpus() >= _MOST_COPIES

    async def _add_another(self) -> None:
        with contextlib.suppress(HotloopError, OSError):  # one copy does
            await self._add()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncGenerator[Bench]:
        """Wait for a copy that is free, and keep it until the end of the block."""
        bench = await self._free.get()
        try:
            yield bench
        finally:
            self._free.put_nowait(bench)

    async def test(
        self, bench: Bench, changes: Mapping[str, bytes], *, whole: bool = False
    ) -> TestOutcome:
        """Return the outcome of the failing tests, and if they pass of all, with files changed.

        `changes` maps paths to whole files. The copy is as before afterwards. With `whole`, all
        tests run in any case.
        """
        before = {path: bench.read(path) for path in changes}
        try:
            for path, data in changes.items():
                bench.write(path, data)
            return await self._run(bench, whole)
        finally:
            for path, data in before.items():
                bench.write(path, data)

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

    async def _run(self, bench: Bench, whole: bool) -> TestOutcome:
        if self._targets and bench.plan.targetable and not whole:
            outcome = await bench.run(self._targets, self._again_s)
            if not outcome.timed_out:
                usual_s = max(_LEAST_AGAIN_S, _SLOWER_AGAIN * outcome.duration_s)
                self._again_s = min(self._deadline_s, usual_s)
            bad = outcome.failed + outcome.errors
            if outcome.timed_out or bad >= len(self._targets) or not outcome.passed:
                return outcome
        return await bench.run((), self._deadline_s)

    async def close(self) -> None:
        """End the runners and remove the copies. Safe to call twice."""
        if self._adding is not None:
            self._adding.cancel()
            await asyncio.gather(self._adding, return_exceptions=True)
        for bench in self._benches:
            await bench.close()
        if self._folder != Path():
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
