"""Try candidate edits in a copy of the workspace; the workspace itself is not touched."""

from __future__ import annotations

import asyncio
import shutil
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
_SLOWER = 2.5
_LEAST_AGAIN_S = 1.0
_SLOWER_AGAIN = 10.0


class Trials:
    """A copy of the workspace in which single-file candidates are tested, one at a time.

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
        self._warm: WarmRunner | None = None
        self._turn = asyncio.Lock()
        self._plan = plan

    async def start(self) -> None:
        """Copy the workspace and start the warm runner. Raises ToolError when it cannot copy."""
        self._folder = Path(tempfile.mkdtemp(prefix="hotloop-trial-"))
        root = self._folder / "tree"
        await asyncio.to_thread(self._context.workspace.copy_tree, root)
        self._plan = msgspec.structs.replace(self._given, root=str(root))
        if self._warm_wanted:
            await self._start_warm(root)

    async def _start_warm(self, root: Path) -> None:
        context = self._context
        runner = WarmRunner(self._plan.argv[0], root, context.scratch)
        try:
            await runner.start(context.sandbox, context.consent, self._origin)
        except HotloopError:
            await runner.close()  # cold runs do the same, slower
        else:
            self._warm = runner

    @property
    def _origin(self) -> Origin:
        return "user" if self._given.reason == "given" else "model"

    @property
    def root(self) -> Path:
        """Return the copy's folder."""
        return self._folder / "tree"

    async def test(self, changes: Mapping[str, bytes], *, whole: bool = False) -> TestOutcome:
        """Return the outcome of the failing tests, and if they pass of all, with files changed.

        `changes` maps paths to whole files. The copy is as before afterwards. With `whole`, all
        tests run in any case.
        """
        async with self._turn:
            before = {path: self._read(path) for path in changes}
            try:
                for path, data in changes.items():
                    self._write(path, data)
                return await self._run(whole)
            finally:
                for path, data in before.items():
                    self._write(path, data)

    def mend(self, outcome: TestOutcome) -> None:
        """Take a failing run as what candidates have to mend."""
        names = (one.test_id for one in outcome.failures if one.test_id)
        self._targets = tuple(dict.fromkeys(names))
        self._deadline_s = max(_LEAST_DEADLINE_S, _SLOWER * outcome.duration_s)
        self._again_s = self._deadline_s

    def accept(self, changes: Mapping[str, bytes], outcome: TestOutcome) -> None:
        """Take changes that are in the workspace now as the new base, with what still fails."""
        for path, data in changes.items():
            self._write(path, data)
        self.mend(outcome)

    def _read(self, path: str) -> bytes | None:
        target = self.root / path
        return target.read_bytes() if target.is_file() else None

    def _write(self, path: str, data: bytes | None) -> None:
        target = self.root / path
        if data is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    async def _run(self, whole: bool) -> TestOutcome:
        if self._targets and self._plan.targetable and not whole:
            outcome = await self._run_once(self._targets, self._again_s)
            if not outcome.timed_out:
                usual_s = max(_LEAST_AGAIN_S, _SLOWER_AGAIN * outcome.duration_s)
                self._again_s = min(self._deadline_s, usual_s)
            bad = outcome.failed + outcome.errors
            if outcome.timed_out or bad >= len(self._targets) or not outcome.passed:
                return outcome
        return await self._run_once((), self._deadline_s)

    async def _run_once(self, targets: tuple[str, ...], deadline_s: float) -> TestOutcome:
        runner: Runner = self._warm or ContainedRunner(
            sandbox=self._context.sandbox,
            consent=self._context.consent,
            scratch=self._context.scratch,
            origin=self._origin,
        )
        return await run_tests(
            self._plan,
            self.root,
            runner,
            deadline_s=deadline_s,
            targets=targets,
            scratch=self._context.scratch,
        )

    async def close(self) -> None:
        """End the runner and remove the copy. Safe to call twice."""
        if self._warm is not None:
            await self._warm.close()
        if self._folder != Path():
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
