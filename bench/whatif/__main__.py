"""`python -m bench.whatif`: how near what-if comes to really running a session elsewhere.

A session is recorded on each simulated backend, computed for each other one, and then really run
there: the same answers, the same tools.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hotloop.ledger.events import Event
from hotloop.ledger.store import Ledger
from hotloop.ledger.whatif import what_if
from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.profile_pace import ProfilePace
from hotloop.sim.replay import script_from_events
from hotloop.sim.script import Reply, Script, ToolCall
from hotloop.sim.server import serving

# The embedded 1.5B model on two cores, as measured: 84 tokens/s of prefill, 28 of decode.
EMBEDDED = Profile(
    name="embedded", ttft_base_s=0.02, prefill_tok_s=84, decode_tok_s=28, slots=1, timings=True
)
TEST = "sh -c \"sleep 0.8; grep -q 'a + b' calc.py\""
FILLER = "\n".join(f"def spare_{i}(a, b):\n    return a * b + {i}\n" for i in range(40))


class Pair(msgspec.Struct, kw_only=True):
    """One session, recorded, computed and really run; seconds of wall time."""

    recorded_on: str
    run_on: str
    recorded_s: float
    what_if_s: float
    really_s: float
    error: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0, 1 where an error is over 5 %, 3 without hotloop."""
    parser = argparse.ArgumentParser(prog="python -m bench.whatif", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = parser.parse_args(arguments)
    hotloop = shutil.which("hotloop", path=str(Path(sys.executable).parent)) or "hotloop"
    if shutil.which(hotloop) is None:
        print("bench.whatif: no hotloop; run make install", file=sys.stderr)
        return 3
    backends = [*map(load_profile, ("fast", "slow", "tracelab")), EMBEDDED]
    pairs: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="hotloop-whatif-") as name:
        homes = (Path(name) / str(number) for number in itertools.count())
        recorded = [_run(hotloop, next(homes), one, _said()) for one in backends]
        for (here, events), there in itertools.product(
            zip(backends, recorded, strict=True), backends
        ):
            if here is not there:
                pairs.append(_pair(hotloop, next(homes), here, events, there))
                if not args.json:
                    print(_line(pairs[-1]), flush=True)
    worst = max(abs(pair.error) for pair in pairs)
    if args.json:
        print(msgspec.json.encode({"pairs": pairs, "worst": worst}).decode())
    else:
        print(f"worst: {worst:.1%} over {len(pairs)} pairs")
    return 0 if worst <= 0.05 else 1


def _pair(hotloop: str, home: Path, here: Profile, events: list[Event], there: Profile) -> Pair:
    made = what_if(events, ProfilePace(there))
    really = what_if(_run(hotloop, home, there, script_from_events(events)))
    return Pair(
        recorded_on=here.name,
        run_on=there.name,
        recorded_s=made.before.wall_s,
        what_if_s=made.after.wall_s,
        really_s=really.before.wall_s,
        error=made.after.wall_s / really.before.wall_s - 1,
    )


def _line(pair: Pair) -> str:
    names = f"{pair.recorded_on} -> {pair.run_on}"
    walls = f"recorded {pair.recorded_s:5.1f} s, what-if {pair.what_if_s:5.1f} s"
    return f"{names:<22} {walls}, really {pair.really_s:5.1f} s: {pair.error:+.1%}"


def _run(hotloop: str, home: Path, backend: Profile, said: Script) -> list[Event]:
    """Run a session as a process of its own; return what its ledger holds."""
    repo = home / "repo"
    repo.mkdir(parents=True)
    (repo / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (repo / "spare.py").write_text(FILLER)
    with serving(backend, said) as server:
        command = [hotloop, "run", "Mend add", "--repo", str(repo), "--test", TEST, "--json"]
        command += ["--backend", server.base_url, "--model", backend.model, "--budget", "120"]
        environment = {**os.environ, "HOTLOOP_HOME": str(home / "home")}
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=150)
    last = json.loads(ended.stdout.splitlines()[-1])
    if last["outcome"] != "solved":
        raise SystemExit(f"bench.whatif: a session was not solved: {ended.stderr.decode()}")
    return list(Ledger(home / "home" / "data" / "ledger.db").load())


def _said() -> Script:
    """Return a session's answers: two reads at once, a command, an edit that misses, the fix."""

    def says(tokens: int, *calls: tuple[str, dict[str, object]]) -> Reply:
        made = tuple(ToolCall(name=name, arguments=given) for name, given in calls)
        return Reply(tool_calls=made, tokens=tokens)

    return Script(
        replies=(
            says(60, ("read", {"path": "calc.py"}), ("read", {"path": "spare.py"})),
            says(40, ("run", {"command": "sleep 0.4"})),
            says(30, ("search", {"pattern": "def spare_1"})),
            says(50, ("edit", {"path": "calc.py", "old": "a + c", "new": "a + b"})),
            says(90, ("edit", {"path": "calc.py", "old": "a - b", "new": "a + b"})),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
