"""The article's loop on its slow backend, what to do next asked of its fast one.

The other levers are off, so that there are look-ups to choose; `all` has them on. Neither endpoint
was probed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from bench.endpoints.processes import Failed, environment, home, ran, served
from bench.levers.article import CHANGED, GOAL, script, solved
from bench.levers.session import PYTEST, copy_task, pace
from hotloop.ledger.events import LeverAccount
from hotloop.levers import NAMES

SETTINGS = """\
backend = "{slow}"
model = "sim-slow"
[roles.select]
backend = "{fast}"
model = "sim-fast"
"""
OFF = {
    "none": frozenset(NAMES),
    "roles alone": frozenset(NAMES) - {"roles"},
    "all but roles": frozenset({"roles"}),
    "all": frozenset[str](),
}


class _End(msgspec.Struct):
    outcome: str
    wall_s: float
    model_calls: int


class _Tag(msgspec.Struct):
    type: str
    lever: str = ""


async def measure() -> dict[str, object]:
    """Return wall seconds by the levers that are on. Raises Failed."""
    task_pace = await pace()
    found: dict[str, object] = {}
    for mode, off in OFF.items():
        with tempfile.TemporaryDirectory(prefix="hotloop-roles-") as name:
            folder, env = Path(name), environment(Path(name))
            file = folder / "script.json"
            file.write_bytes(msgspec.json.encode(script()))
            repo = copy_task(folder, task_pace)
            async with served("slow", file, env) as slow, served("fast", file, env) as fast:
                home(folder, SETTINGS.format(slow=slow, fast=fast))
                found[mode] = await _session(repo, env, off)
            if (repo / CHANGED).read_text() != solved():
                raise Failed(f"{mode}: {CHANGED} is not what the model was to make of it")
    return found


async def _session(repo: Path, env: dict[str, str], off: frozenset[str]) -> dict[str, object]:
    run = ["run", GOAL, "--repo", str(repo), "--json", "--yes", "--test", PYTEST]
    run += ["--dialect", "native", "--budget", "120"]
    lines = await ran(run + [word for one in sorted(off) for word in ("--without", one)], env)
    *events, last = lines.splitlines()
    end = msgspec.json.decode(last, type=_End)
    if end.outcome != "solved":
        raise Failed(f"a session ended {end.outcome}")
    accounts = [
        msgspec.json.decode(line, type=LeverAccount)
        for line in events
        if msgspec.json.decode(line, type=_Tag) == _Tag("lever", "roles")
    ]
    told: dict[str, object] = {"wall_s": round(end.wall_s, 2), "calls": end.model_calls}
    for one in accounts:
        told |= {"saved_s": round(one.saved_s, 2), "lost_s": round(one.wasted_s, 2)}
        told |= {"detail": one.detail}
    return told
