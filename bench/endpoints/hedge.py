"""Waits for the first token with and without a replica, where a share of calls is slow.

Two `hotloop sim` with the same profile and other draws, a `hotloop probe` of the first, and
`hotloop run` sessions of ten look-ups each, with `--without hedge` and with it in turns.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.endpoints.processes import Failed, environment, home, ran, served
from hotloop.ledger.events import CallEnd
from hotloop.probe.figure import quantile

PROFILE = """\
# The article's fast backend, a tenth of whose calls is slower as a whole.
name = "tailed"
model = "tailed"
ttft_base_s = 0.3
decode_tok_s = 80
slots = 32
seed = {seed}

[tail]
share = 0.1
sigma = {sigma}
"""
SIGMAS = (0.8, 1.5)
SHARES = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
LOOKS = 10
START_APART_S = 0.4
MODES = {"without": ["--without", "hedge"], "with": []}


async def measure(sessions: int, jobs: int) -> dict[str, object]:
    """Return the figures by tail, of so many sessions each, `jobs` at a time. Raises Failed."""
    return {f"sigma {sigma}": await _pair(sigma, sessions, jobs) for sigma in SIGMAS}


async def _pair(sigma: float, sessions: int, jobs: int) -> dict[str, dict[str, float]]:
    calls: dict[str, list[CallEnd]] = {mode: [] for mode in MODES}
    with tempfile.TemporaryDirectory(prefix="hotloop-hedge-") as name:
        folder, env = Path(name), environment(Path(name))
        script = _script(folder)
        profiles = [_profile(folder, sigma, seed) for seed in (1, 2)]
        async with (
            served(profiles[0], script, env) as first,
            served(profiles[1], script, env) as second,
        ):
            home(folder, f'backend = "{first}"\nmodel = "tailed"\nreplicas = ["{second}"]\n')
            await ran(["probe", first], env)
            places, starting = asyncio.Semaphore(jobs), asyncio.Lock()

            async def one(mode: str, number: int) -> None:
                async with places:
                    async with starting:  # what a start computes is to delay no first token
                        await asyncio.sleep(START_APART_S)
                    calls[mode] += await _session(folder / f"{mode}{number}", env, MODES[mode])

            async with asyncio.TaskGroup() as group:
                for number in range(sessions):
                    for mode in MODES:
                        group.create_task(one(mode, number))
    return {mode: _figures(found) for mode, found in calls.items()}


def _figures(calls: Sequence[CallEnd]) -> dict[str, float]:
    """Return quantiles of the seconds to the first token, and extra requests in per cent."""
    marks = [call.marks for call in calls]
    waits = [one.first_token_s - one.start_s for one in marks if one.first_token_s is not None]
    ordered = sorted(waits)
    hedged = [call for call in calls if call.hedged_s is not None]
    found = {name: round(quantile(ordered, share), 3) for name, share in SHARES.items()}
    return {
        "calls": len(calls),
        "mean_s": round(sum(waits) / len(waits), 3),
        **found,
        "extra_percent": round(100 * len(hedged) / len(calls), 1),
    }


def _profile(folder: Path, sigma: float, seed: int) -> str:
    file = folder / f"tailed{seed}.toml"
    file.write_text(PROFILE.format(seed=seed, sigma=sigma))
    return str(file)


def _script(folder: Path) -> Path:
    """Write the script of a model that looks at ten files and is done."""
    looks = [
        {"text": f"Look {number}.", "tool_calls": [_call("read", path=_name(number))]}
        for number in range(LOOKS)
    ]
    done = {"tool_calls": [_call("done", message="seen")]}
    file = folder / "script.json"
    file.write_bytes(msgspec.json.encode({"replies": [*looks, done]}))
    return file


def _call(name: str, **arguments: str) -> dict[str, object]:
    return {"name": name, "arguments": arguments}


def _name(number: int) -> str:
    return f"part{number}.txt"


async def _session(repo: Path, env: dict[str, str], options: list[str]) -> list[CallEnd]:
    """Run a session and return its calls."""
    repo.mkdir()
    for number in range(LOOKS):
        (repo / _name(number)).write_text(f"This is part {number}.\n" * 8)
    run = ["run", "Look at all parts.", "--repo", str(repo), "--json", "--yes", "--test", "true"]
    run += ["--dialect", "native", "--budget", "120", "--without", "prefetch", "--without", "ahead"]
    out = await ran([*run, *options], env)
    lines = [line for line in out.splitlines() if b'"type":"call.end"' in line]
    calls = [msgspec.json.decode(line, type=CallEnd) for line in lines]
    if len(calls) != LOOKS + 1:
        raise Failed(f"a session made {len(calls)} calls, not {LOOKS + 1}")
    return calls
