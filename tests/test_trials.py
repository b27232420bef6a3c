"""Candidates in copies of the workspace: side by side where they cannot meet, else in turn."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hotloop.levers.trials import Trials
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import TestOutcome

SANDBOX = Sandbox.detect()
CPUS = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
needs_both = pytest.mark.skipif(
    not SANDBOX.available or CPUS < 2, reason="needs bubblewrap and two processors"
)
# Green only while another run of it is under way: each leaves a mark where all may write.
MEETING = """import os, time
from pathlib import Path
from value import NAME

def test_meets_the_other():
    marks = Path(os.environ["XDG_CACHE_HOME"])
    marks.mkdir(parents=True, exist_ok=True)
    (marks / f"{NAME}.mark").write_text("here")
    ends = time.monotonic() + 5
    while time.monotonic() < ends and len(list(marks.glob("*.mark"))) < 2:
        time.sleep(0.01)
    assert len(list(marks.glob("*.mark"))) == 2
"""
CHECK = "from value import NAME\n\n\ndef test_name():\n    assert NAME == 'right'\n"


def context(root: Path, sandbox: Sandbox) -> ToolContext:
    return ToolContext(
        workspace=Workspace(root),
        checkpoint=Checkpoint(Workspace(root), "s1"),
        output_dir=root.parent / "out",
        scratch=root.parent / "scratch",
        sandbox=sandbox,
        consent=Consent("yes"),
        emit=lambda _: None,
        now_s=lambda: 0.0,
    )


def repository(folder: Path, test: str) -> Path:
    root = folder / "repo"
    root.mkdir()
    (root / "value.py").write_text("NAME = 'wrong'\n")
    (root / "test_value.py").write_text(test)
    return root


def named(name: str) -> dict[str, bytes]:
    return {"value.py": f"NAME = {name!r}\n".encode()}


async def tried(trials: Trials, names: Sequence[str]) -> list[TestOutcome]:
    async def one(name: str) -> TestOutcome:
        async with trials.turn() as bench:
            return await trials.test(bench, named(name))

    return list(await asyncio.gather(*(one(name) for name in names)))


def trials_in(root: Path, sandbox: Sandbox) -> Trials:
    plan = detect(root, None)
    assert plan is not None
    return Trials(context(root, sandbox), plan)


@needs_both
def test_two_candidates_are_tested_at_the_same_time(tmp_path: Path) -> None:
    async def main() -> list[TestOutcome]:
        trials = trials_in(repository(tmp_path, MEETING), SANDBOX)
        await trials.start()
        try:
            return await tried(trials, ["one", "two"])
        finally:
            await trials.close()

    assert [one.green for one in asyncio.run(main())] == [True, True]


@needs_both
def test_each_sees_its_own_change_only(tmp_path: Path) -> None:
    async def main() -> tuple[list[TestOutcome], list[TestOutcome], int]:
        root = repository(tmp_path, CHECK)
        trials = trials_in(root, SANDBOX)
        await trials.start()
        try:
            found = await tried(trials, ["right", "wrong", "right", "worse"])
            assert (root / "value.py").read_text() == "NAME = 'wrong'\n"
            trials.accept({**named("right"), "other.py": b""}, found[1])
            async with trials.turn() as one, trials.turn() as two:
                both = [await trials.test(bench, {"other.py": b"1\n"}) for bench in (one, two)]
            return found, both, trials.width
        finally:
            await trials.close()

    found, both, width = asyncio.run(main())
    assert [one.green for one in found] == [True, False, True, False]
    assert [one.green for one in both] == [True, True], "what was accepted is in both copies"
    assert width == 2


def test_without_a_sandbox_candidates_take_turns(tmp_path: Path) -> None:
    async def main() -> tuple[list[TestOutcome], int]:
        trials = trials_in(repository(tmp_path, CHECK), Sandbox())
        await trials.start()
        try:
            return await tried(trials, ["wrong", "right", "worse"]), trials.width
        finally:
            await trials.close()

    found, width = asyncio.run(main())
    assert [one.green for one in found] == [False, True, False]
    assert width == 1
