"""The engine reads the first question while candidates that need no model are tested."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from copying_model import CopyingModel, CopyingStream
from hotloop.backend.types import Watch
from hotloop.config import Config
from hotloop.ledger.events import CallEnd, LeverAccount
from repair_session import Repaired, repaired

BANDS = """def band(weight):
    for limit, name in [(1, "small"), (5, "large")]:
        if weight <= limit:
            return name
    return "none"
"""
NO_SLIP, SLIP = BANDS.replace("(1,", "(-4,"), BANDS.replace("<=", "<")
TESTS = """from bands import band


def test_edge():
    assert band(1) == "small"


def test_above():
    assert band(9) == "none"
"""
GOAL = "a weight at the limit is in the band"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def repair(tmp_path: Path, source: str, model: CopyingModel, *without: str) -> Repaired:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(source)
    (root / "test_bands.py").write_text(TESTS)
    done = asyncio.run(repaired(root, model, GOAL, config=Config(without=without)))
    assert (root / "bands.py").read_text() == (BANDS if done.solved else source)
    return done


def ahead(model: CopyingModel) -> list[dict[str, Any]]:
    return [body for body in model.bodies if body["max_tokens"] == 1]


def test_what_was_read_ahead_is_what_is_asked_next(tmp_path: Path) -> None:
    model = CopyingModel({})
    done = repair(tmp_path, NO_SLIP, model)
    first, second, *_ = model.bodies
    assert ahead(model) == [first]
    assert first["messages"] == second["messages"]
    assert first["messages"][-1]["role"] == "assistant"
    calls = [event for event in done.events if isinstance(event, CallEnd)]
    assert [one.purpose for one in calls[:2]] == ["prefill_ahead", "step"]
    assert [one.lever for one in done.events if isinstance(one, LeverAccount)].count(
        "prefill_ahead"
    ) == 1


@pytest.mark.parametrize("lever", ["prefill_ahead", "slips"])
def test_nothing_is_read_ahead_without_the_lever_or_with_nothing_to_test_meanwhile(
    tmp_path: Path, lever: str
) -> None:
    model = CopyingModel({})
    repair(tmp_path, NO_SLIP, model, lever)
    assert model.bodies
    assert not ahead(model)


class SlowReader(CopyingModel):
    """Reads for ever; counts the requests that were given up."""

    given_up = 0

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        await super().chat(body, watch)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        raise AssertionError("it waits until it is cancelled")


def test_a_slip_that_mends_it_ends_the_reading(tmp_path: Path) -> None:
    model = SlowReader({})
    done = repair(tmp_path, SLIP, model)
    assert done.solved
    assert len(model.bodies) == len(ahead(model)) == model.given_up == 1
    waits = [event.wait_s for event in done.events if isinstance(event, CallEnd)]
    assert not any(waits), "the loop did not wait for it"
