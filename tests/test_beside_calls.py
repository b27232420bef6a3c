"""Candidates that need no model are tested in the gaps of a call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from copying_model import CopyingModel, CopyingStream
from hotloop.backend.types import Watch
from hotloop.config import Config
from hotloop.ledger.events import CallEnd, CallStart, Event, ToolEnd
from repair_session import Repaired, repaired

BANDS = """def band(weight):
    limits = [1, 5, 9]
    names = ["small", "large", "huge"]
    for limit, name in zip(limits, names):
        if weight <= limit:
            return name
    return "none"
"""
SLIPPED = BANDS.replace("weight <=", "limit <=")
# Slow enough for a call to promise more than the slips that are not the likeliest.
CHECK = r"""sleep 0.3
grep -q 'weight <= limit' bands.py && exit 0
cat <<END
Traceback (most recent call last):
  File "check.py", line 3, in <module>
    band(2)
  File "bands.py", line 5, in band
    if limit <= limit:
ValueError: none
END
exit 1
"""


class SlowWriter(CopyingModel):
    """Writes for ever; counts the requests that were given up."""

    given_up = 0

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        await super().chat(body, watch)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        raise AssertionError("it waits until it is cancelled")


def repair(tmp_path: Path, model: CopyingModel) -> Repaired:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(SLIPPED)
    (root / "check.sh").write_text(CHECK)
    done = asyncio.run(repaired(root, model, "mend band", config=Config(), test="sh check.sh"))
    assert (root / "bands.py").read_text() == (BANDS if done.solved else SLIPPED)
    return done


def test_a_slip_that_is_tested_beside_a_call_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    model = SlowWriter({})
    done = repair(tmp_path, model)
    assert done.solved, "though no call ever came to its end"
    assert len(model.bodies) == model.given_up == 1
    begun, ended = _span(done.events)
    tests = [one for one in done.events if isinstance(one, ToolEnd) and one.action[:5] == "trial"]
    assert any(begun < one.start_s and one.t_s <= ended for one in tests)


def _span(events: list[Event]) -> tuple[float, float]:
    begun = next(one.t_s for one in events if isinstance(one, CallStart))
    return begun, next(one.t_s for one in events if isinstance(one, CallEnd))
