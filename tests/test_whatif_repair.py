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
from hotloop.sim.profile import Profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer
from repair_session import repaired

BANDS = """def band(weight):
    names = ["small", "large"]
    return names[weight]


def size(weight):
    return band(weight)
"""
# As good as a test run, and takes nearly the same time on a busy machine.
CHECK = """sleep 0.5
grep -q 'weight - 1' bands.py && exit 0
cat <<END
Traceback (most recent call last):
  File "check.py", line 3, in <module>
    size(2)
  File "bands.py", line 7, in size
    return band(weight)
  File "bands.py", line 3, in band
    return names[weight]
IndexError: list index out of range
END
exit 1
"""
WRONG = "names[weight + 1]"
RIGHT = "names[weight - 1]"
# With slips: none of them is right, and the first question waits until they are tested.
SLIPS_CHECK = CHECK.replace("sleep 0.5", "sleep 0.05").replace("weight - 1", "weight % 2")
RIGHT_BESIDE_SLIPS = "names[weight % 2]"
HERE = profile(ttft_base_s=0.05, decode_tok_s=40, slots=2)
QUICK = profile(ttft_base_s=0.05, decode_tok_s=400, slots=2)
SLOW = profile(ttft_base_s=0.3, decode_tok_s=25, slots=2)
READS_FAST = profile(ttft_base_s=0.02, prefill_tok_s=1_000, decode_tok_s=40, slots=2)
READS_SLOWLY = profile(ttft_base_s=0.02, prefill_tok_s=200, decode_tok_s=40, slots=2)


def answers(right: str) -> Script:
    """The first answer is wrong; what is said behind a comment mends it; the rest is too late."""
    text = "    return {}\n```\n"
    wrong = Reply(text=text.format(WRONG), tokens=20)
    mends = Reply(text=" the index\n" + text.format(right), tokens=24)
    return Script(replies=(wrong, mends, Reply(text="    " * 400, tokens=400)), order="sequence")


async def searched(root: Path, backend: Profile, *, slips: bool = False) -> list[Event]:
    root.mkdir(parents=True)
    (root / "bands.py").write_text(BANDS)
    (root / "check.sh").write_text(SLIPS_CHECK if slips else CHECK)
    said = answers(RIGHT_BESIDE_SLIPS if slips else RIGHT)
    config = Config() if slips else None
    start, start_s = session_start(), time.monotonic()
    async with SimServer(backend, said) as server:
        client = Client(server.base_url, "sim", "", session_start_s=start_s)
        ended = await repaired(
            root, client, "mend band", config=config, test="sh check.sh", start_s=start_s
        )
        await client.aclose()
    assert ended.solved
    events = [start, *ended.events]
    return [*events, fold(events).session_end(Outcome.SOLVED, "s", ended.end_s)]


@pytest.mark.parametrize(
    ("here", "there", "slips"),
    [(HERE, QUICK, False), (HERE, SLOW, False), (READS_FAST, READS_SLOWLY, True)],
    ids=["quick", "slow", "reads slowly"],
)
def test_a_search_with_candidates_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Profile, there: Profile, slips: bool
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    seen: list[tuple[float, float, float]] = []
    for attempt in range(3):
        root = tmp_path / str(attempt)
        events = asyncio.run(searched(root / "here" / "repo", here, slips=slips))
        cut = any(isinstance(one, CallEnd) and one.error == "cancelled" for one in events)
        assert cut is not slips, "a call begins beside slow tests, and after quick ones"
        made = what_if(events, ProfilePace(there))
        again = asyncio.run(searched(root / "there" / "repo", there, slips=slips))
        wall_s = fold(again).wall_s
        # What-if takes tests as they were; on a busy machine they take longer in one of the runs.
        noise_s = time_of_tests_s(again) - time_of_tests_s(events)
        seen.append((made.after.wall_s, noise_s, wall_s))
        if any(abs((made.after.wall_s + s) / wall_s - 1) <= 0.05 for s in (0, noise_s)):
            return
    raise AssertionError(f"what-if says, tests took longer by, and really: {seen}")


def time_of_tests_s(events: list[Event]) -> float:
    return sum(one.duration_s for one in events if isinstance(one, TestsRun))
