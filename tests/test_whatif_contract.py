"""What-if against the truth: the same session, really run on the other simulated backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e_helpers import CHECK, INSTANT, Ended, Home, call, profile, script
from hotloop.ledger.fold import Summary
from hotloop.ledger.report import fold
from hotloop.ledger.store import Ledger
from hotloop.ledger.whatif import Projection, what_if
from hotloop.sim.profile import Cache, Fault, Profile, load_profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.replay import script_from_events
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import serving

WITHIN = 0.05
ATTEMPTS = 3
QUICK = profile(ttft_base_s=0.06, decode_tok_s=300)
SLOW = profile(ttft_base_s=0.2, decode_tok_s=90)
EMBEDDED = profile(ttft_base_s=0.01, prefill_tok_s=1500, decode_tok_s=150, slots=1)
UNCACHED = profile(
    ttft_base_s=0.02, prefill_tok_s=6000, decode_tok_s=200, cache=Cache(enabled=False)
)
REMOTE = profile(
    connect_s=0.08,
    queue_s=0.03,
    ttft_base_s=0.05,
    prefill_tok_s=4000,
    decode_tok_s=250,
    structured_factor=1.6,
    burst=True,
    cache=Cache(block_tokens=128),
)
FILLER = "\n".join(f"def spare_{i}(a, b):\n    return a * b + {i}\n" for i in range(30))
LOOKS_AROUND = script(
    Reply(
        tool_calls=(
            *call("read", path="calc.py").tool_calls,
            *call("read", path="spare.py").tool_calls,
        ),
        tokens=60,
    ),
    call("run", command="sleep 0.2"),
    Reply(tool_calls=call("edit", path="calc.py", old="a + c", new="a + b").tool_calls, tokens=50),
    Reply(tool_calls=call("edit", path="calc.py", old="a - b", new="a + b").tool_calls, tokens=70),
)
EDITS_AT_ONCE = script(
    Reply(tool_calls=call("edit", path="calc.py", old="a - b", new="a + b").tool_calls, tokens=120)
)


def really_run(folder: Path, backend: Profile, said: Script, tests_s: float) -> tuple[Home, Ended]:
    home = Home(folder)
    home.write("spare.py", FILLER)
    test = f'sh -c "sleep {tests_s}; {CHECK}"'
    with serving(backend, said) as server:
        ended = home.run(server.base_url, "--budget", "60", test=test)
    assert ended.status == 0, ended.err + ended.out[-500:]
    return home, ended


def recorded(folder: Path, backend: Profile, said: Script, tests_s: float) -> list[Any]:
    home, _ = really_run(folder, backend, said, tests_s)
    return Ledger(home.folder / "data" / "ledger.db").load()


def assert_true(
    folder: Path, here: Profile, there: Profile, said: Script, tests_s: float
) -> Projection:
    """Record here, compute for there, run there: within 5 %. Returns the computed session.

    What-if takes tools as they were. On a busy machine the same tools take longer in one run than
    in the other: the second run's may be counted instead. Beyond that, one of a few has to fit.
    """
    seen: list[tuple[float, float, float]] = []
    for attempt in range(ATTEMPTS):
        root = folder / str(attempt)
        events = recorded(root / "here", here, said, tests_s)
        made = what_if(events, ProfilePace(there))
        again = fold(recorded(root / "there", there, script_from_events(events), tests_s))
        noise_s = tools_s(again) - tools_s(made.before)
        seen.append((made.after.wall_s, noise_s, again.wall_s))
        if any(abs((made.after.wall_s + s) / again.wall_s - 1) <= WITHIN for s in (0, noise_s)):
            return made
    raise AssertionError(f"what-if says, tools took longer by, and really: {seen}")


def tools_s(session: Summary) -> float:
    return sum(tool.end_s - tool.start_s for tool in session.tools)


@pytest.mark.parametrize(
    "there", [SLOW, EMBEDDED, UNCACHED, REMOTE], ids=["slow", "embedded", "uncached", "remote"]
)
def test_a_session_of_a_quick_backend_elsewhere(tmp_path: Path, there: Profile) -> None:
    made = assert_true(tmp_path, QUICK, there, LOOKS_AROUND, 0.2)
    assert made.sure_share > 0.99
    assert made.after.wall_s > 1.2 * made.before.wall_s


def test_an_embedded_session_on_a_quick_backend(tmp_path: Path) -> None:
    made = assert_true(tmp_path, EMBEDDED, QUICK, LOOKS_AROUND, 0.2)
    assert made.after.wall_s < 0.8 * made.before.wall_s


@pytest.mark.parametrize(("here", "there"), [(QUICK, SLOW), (SLOW, QUICK)], ids=["hidden", "bare"])
def test_tests_that_run_beside_the_first_call_still_do(
    tmp_path: Path, here: Profile, there: Profile
) -> None:
    """The first tests (0.9 s) outlast a quick call, so the edit waits; a slow call hides them."""
    assert_true(tmp_path, here, there, EDITS_AT_ONCE, 0.9)


def test_an_attempt_that_failed_is_not_part_of_another_backends_time(tmp_path: Path) -> None:
    faulty = profile(ttft_base_s=0.06, decode_tok_s=300, faults=(Fault(kind="http_500", at=(1,)),))
    made = assert_true(tmp_path, faulty, SLOW, LOOKS_AROUND, 0.2)
    assert any("tried again" in note for note in made.notes)


def test_on_the_command_line_with_a_shipped_profile_and_a_probes_result(tmp_path: Path) -> None:
    home, _ = really_run(tmp_path, INSTANT, EDITS_AT_ONCE, 0.0)
    probed = tmp_path / "probe.json"
    fast = load_profile("fast")
    probed.write_text(
        json.dumps({"took_s": 3, "profile": {"ttft_base_s": 0.3, "decode_tok_s": 80}})
    )
    for given in ("fast", str(probed)):
        shown = home.call("trace", "what-if", "--profile", given, "--json")
        assert shown.status == 0, shown.err
        made = json.loads(shown.out)
        assert made["before"]["totals"]["wall_s"] < 1
        wait_s = fast.ttft_base_s + 120 / fast.decode_tok_s
        assert made["after"]["totals"]["model_wait_s"] == pytest.approx(wait_s)
        assert made["after"]["totals"]["wall_s"] == pytest.approx(wait_s, abs=0.5)
    table = home.call("trace", "what-if", "--profile", "fast").out
    assert "as if on fast" in table
    assert max(map(len, table.splitlines())) <= 100
