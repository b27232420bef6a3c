from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from pathlib import Path

import pytest

from copying_model import CopyingModel
from hotloop.config import Config
from hotloop.ledger.events import EditApplied, Event, StepEnd, StepKind
from hotloop.ledger.events import TestsRun as RanTests
from hotloop.levers.trials import Trials
from hotloop.loop.budget import Budget
from hotloop.loop.caller import Caller
from hotloop.loop.clock import SessionClock
from hotloop.loop.parts import Parts
from hotloop.loop.prefetch import first_tests
from hotloop.loop.repair import Repair
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testplan import detect

BANDS = """def band(weight):
    for limit, name in [(1, "small"), (5, "large")]:
        if weight < limit:
            return name
    return "none"
"""
TESTS = """from bands import band


def test_inside():
    assert band(0.5) == "small"


def test_edge():
    assert band(1) == "small"


def test_above():
    assert band(9) == "none"
"""


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def _repo(tmp_path: Path, source: str = BANDS, tests: str = TESTS) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(source)
    (root / "test_bands.py").write_text(tests)
    return root


async def _repair(root: Path, model: CopyingModel) -> tuple[bool, list[Event]]:
    events: list[Event] = []
    clock = SessionClock(events.append, Budget(60.0, time.monotonic()))
    workspace = Workspace(root)
    plan = detect(root)
    assert plan is not None
    with Checkpoint(workspace, "s1") as checkpoint:
        parts = Parts(
            goal="a weight at the limit is in the band",
            config=Config(),
            clock=clock,
            caller=Caller(model, clock),
            context=ToolContext(
                workspace=workspace,
                checkpoint=checkpoint,
                output_dir=root.parent / "out",
                scratch=root.parent / "scratch",
                sandbox=Sandbox(),
                consent=Consent("yes"),
                emit=events.append,
                now_s=clock.now_s,
            ),
            plan=plan,
            output_dir=root.parent / "out",
            is_small=True,
        )
        first = await first_tests(parts, trace=True)
        assert first.is_red
        assert first.outcome is not None
        trials = Trials(parts.context, plan)
        starting = asyncio.create_task(trials.start())
        repair = Repair(parts, first.outcome)
        try:
            await repair.run(trials, starting)
        finally:
            await asyncio.gather(starting, return_exceptions=True)
            await trials.close()
    return repair.solved, events


def test_a_token_the_model_doubts_is_the_fix(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"<": ("<=", 0.2), "name": ("limit", 0.3)})
    solved, events = asyncio.run(_repair(root, model))
    assert solved
    assert (root / "bands.py").read_text() == BANDS.replace("<", "<=")
    assert (root / "test_bands.py").read_text() == TESTS
    assert [event.path for event in events if isinstance(event, EditApplied)] == ["bands.py"]
    assert any(isinstance(e, StepEnd) and e.kind is StepKind.VERIFY for e in events)


def test_the_last_verdict_is_a_run_of_all_tests_in_the_workspace(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    _, events = asyncio.run(_repair(root, CopyingModel({"<": ("<=", 0.2)})))
    last = [event for event in events if isinstance(event, RanTests)][-1]
    assert (last.green, last.targeted, last.passed) == (True, False, 3)


def test_a_line_the_model_completes_is_the_fix(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"weight": ("not", 0.3)}, {"if not": " weight > limit:"})
    solved, _ = asyncio.run(_repair(root, model))
    assert solved
    assert "if not weight > limit:" in (root / "bands.py").read_text()


def test_without_a_likely_candidate_the_workspace_is_as_it_was(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    solved, events = asyncio.run(_repair(root, CopyingModel({"<": (">", 0.2)})))
    assert not solved
    assert (root / "bands.py").read_text() == BANDS
    assert not [event for event in events if isinstance(event, EditApplied)]
    assert not list((tmp_path / "tmp").glob("hotloop-trial-*"))


def test_a_candidate_that_never_ends_is_ended(tmp_path: Path) -> None:
    root = _repo(
        tmp_path,
        "def count(n):\n    total = 0\n    while n > 1:\n        total += 1\n        n -= 1\n"
        "    return total\n",
        "from bands import count\n\n\ndef test_one():\n    assert count(1) == 1\n\n\n"
        "def test_none():\n    assert count(0) == 0\n",
    )
    model = CopyingModel({"-=": ("+=", 0.9), ">": (">=", 0.1)})
    solved, _ = asyncio.run(_repair(root, model))
    assert solved
    assert "while n >= 1" in (root / "bands.py").read_text()


def test_requests_of_a_repair_share_their_beginning(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"weight": ("not", 0.3), "<": (">", 0.3)}, {"if not": " weight:"})
    asyncio.run(_repair(root, model))
    asked = [body["messages"] for body in model.bodies]
    assert len(asked) > 2
    for earlier, later in itertools.pairwise(asked):
        fixed = earlier[:-1] if earlier[-1]["role"] == "assistant" else earlier
        assert later[: len(fixed)] == fixed
