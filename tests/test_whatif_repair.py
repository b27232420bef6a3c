"""What-if for the search of a small model: candidates under test, a winner, a cancelled call."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from article_session import session_start
from e2e_helpers import profile
from hotloop.backend.client import Client
from hotloop.config import Config
from hotloop.ledger.events import CallEnd, Event, Outcome, TestsRun
from hotloop.ledger.report import fold
from hotloop.ledger.whatif import what_if
from hotloop.levers.trials import Trials
from hotloop.loop.budget import Budget
from hotloop.loop.caller import Caller
from hotloop.loop.clock import SessionClock
from hotloop.loop.parts import Parts
from hotloop.loop.prefetch import first_tests
from hotloop.loop.repair import Repair
from hotloop.sim.profile import Profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testplan import detect

BANDS = """def band(weight):
    names = ["small", "large"]
    return names[weight]
"""
# As good as a test run, and takes nearly the same time on a busy machine.
CHECK = """sleep 0.5
grep -q 'weight - 1' bands.py && exit 0
cat <<END
Traceback (most recent call last):
  File "check.py", line 3, in <module>
    band(2)
  File "bands.py", line 3, in band
    return names[weight]
IndexError: list index out of range
END
exit 1
"""
WRONG = ["names[weight + 1]", "names[weight // 9]", "names[weight // 5]"]
RIGHT = "names[weight - 1]"
HERE = profile(ttft_base_s=0.05, decode_tok_s=40, slots=2)
QUICK = profile(ttft_base_s=0.05, decode_tok_s=400, slots=2)
SLOW = profile(ttft_base_s=0.3, decode_tok_s=25, slots=2)


def answers(*codes: str) -> Script:
    text = '    names = ["small", "large"]\n    return {}\n```\n'
    replies = [Reply(text=text.format(code), tokens=20) for code in codes]
    return Script(replies=(*replies, Reply(text="    " * 400, tokens=400)), order="sequence")


async def repaired(root: Path, backend: Profile, said: Script) -> list[Event]:
    root.mkdir(parents=True)
    (root / "bands.py").write_text(BANDS)
    (root / "check.sh").write_text(CHECK)
    start = session_start()
    events: list[Event] = [start]
    clock = SessionClock(events.append, Budget(60.0, time.monotonic()))
    workspace = Workspace(root)
    async with SimServer(backend, said) as server:
        client = Client(server.base_url, "sim", "", session_start_s=clock.budget.start_s)
        with Checkpoint(workspace, "s1") as checkpoint:
            parts = Parts(
                goal="mend band",
                config=Config(without=("slips",)),
                clock=clock,
                caller=Caller(client, clock),
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
                plan=detect(root, "sh check.sh"),
                output_dir=root.parent / "out",
                is_small=True,
            )
            first = await first_tests(parts, trace=True)
            assert first.outcome is not None
            assert parts.plan is not None
            trials = Trials(parts.context, parts.plan)
            starting = asyncio.create_task(trials.start())
            repair = Repair(parts, first.outcome)
            try:
                await repair.run(trials, starting)
            finally:
                await asyncio.gather(starting, return_exceptions=True)
                now_s = clock.now_s()
                await trials.close()
        await client.aclose()
    assert repair.solved
    return [*events, fold(events).session_end(Outcome.SOLVED, "s", now_s)]


@pytest.mark.parametrize("there", [QUICK, SLOW], ids=["quick", "slow"])
def test_a_search_with_candidates_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: Profile
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    said = answers(*WRONG, RIGHT)
    seen: list[tuple[float, float, float]] = []
    for attempt in range(3):
        root = tmp_path / str(attempt)
        events = asyncio.run(repaired(root / "here" / "repo", HERE, said))
        assert any(isinstance(one, CallEnd) and one.error == "cancelled" for one in events)
        made = what_if(events, ProfilePace(there))
        again = asyncio.run(repaired(root / "there" / "repo", there, said))
        wall_s = fold(again).wall_s
        # What-if takes tests as they were; on a busy machine they take longer in one of the runs.
        noise_s = time_of_tests_s(again) - time_of_tests_s(events)
        seen.append((made.after.wall_s, noise_s, wall_s))
        if any(abs((made.after.wall_s + s) / wall_s - 1) <= 0.05 for s in (0, noise_s)):
            return
    raise AssertionError(f"what-if says, tests took longer by, and really: {seen}")


def time_of_tests_s(events: list[Event]) -> float:
    return sum(one.duration_s for one in events if isinstance(one, TestsRun))
