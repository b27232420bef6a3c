"""One session of the bench: `hotloop sim` and `hotloop run` as processes, in a fresh copy."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bench.levers.article import CHANGED, GOAL, REPO, script, solved
from hotloop.ledger.events import LeverAccount, Outcome, StepKind
from hotloop.sim.article import TESTS_S
from hotloop.workspace.runner import ContainedRunner
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import run_tests

HOTLOOP = [sys.executable, "-m", "hotloop.ui.entry"]
PYTEST = f"{sys.executable} -m pytest"
BUDGET_S = 120.0
_TESTS = 10
_PATIENCE_S = 30.0


class Failed(Exception):
    """A session did not do what it is measured for."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long a test of the repository takes, and the start of Python and pytest before it."""

    test_s: float
    start_s: float


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: a profile, one or two iterations, the levers that are off."""

    profile: str
    iterations: int
    without: frozenset[str]
    pace: Pace


class Ended(msgspec.Struct, kw_only=True):
    """A session that met its goal. `wall_s` is the session's own, from `session.end`.

    `process_s` is that of the whole command, start-up and end of Python included.
    """

    wall_s: float
    process_s: float
    model_calls: int
    output_tokens: int
    rows_s: dict[StepKind, float]
    accounts: list[LeverAccount]


class _Step(msgspec.Struct):
    kind: StepKind
    start_s: float
    duration_s: float


class _End(msgspec.Struct):
    outcome: Outcome
    wall_s: float
    model_calls: int
    output_tokens: int
    steps: list[_Step]


class _Tag(msgspec.Struct):
    type: str


async def measure(case: Case) -> Ended:
    """Run one session and return its figures. Raises Failed unless the work was done."""
    with tempfile.TemporaryDirectory(prefix="hotloop-levers-") as folder:
        home = Path(folder)
        repo = copy_task(home, case.pace)
        env = {**os.environ, "HOTLOOP_HOME": str(home / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
        async with _simulated(case, home, env) as url:
            ended = await _run(case, repo, url, env)
        if (repo / CHANGED).read_text() != solved():
            raise Failed(f"{case}: {CHANGED} is not what the model was to make of it")
        return ended


def copy_task(home: Path, pace: Pace) -> Path:
    """Copy the repository below a folder, with tests of that pace."""
    repo = home / "shop"
    shutil.copytree(REPO, repo, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    conftest = repo / "tests" / "conftest.py"
    text = conftest.read_text().replace("START_S = 0.0", f"START_S = {pace.start_s:.4f}", 1)
    conftest.write_text(text.replace("TEST_S = 0.5", f"TEST_S = {pace.test_s:.4f}", 1))
    return repo


@asynccontextmanager
async def _simulated(case: Case, home: Path, env: dict[str, str]) -> AsyncGenerator[str]:
    """Serve the scripted model with `hotloop sim`; yield its address."""
    path = home / "script.json"
    path.write_bytes(msgspec.json.encode(script(case.iterations)))
    command = [*HOTLOOP, "sim", "--profile", case.profile, "--script", str(path)]
    server = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        yield await _address(server)
    finally:
        if server.returncode is None:
            os.killpg(server.pid, signal.SIGTERM)
        await server.wait()


async def _address(server: asyncio.subprocess.Process) -> str:
    if server.stdout is None:
        raise Failed("hotloop sim has no output")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return (await server.stdout.readline()).decode().strip()
    except TimeoutError as error:
        raise Failed("hotloop sim printed no address") from error


async def _run(case: Case, repo: Path, url: str, env: dict[str, str]) -> Ended:
    off = [word for name in sorted(case.without) for word in ("--without", name)]
    command = [*HOTLOOP, "run", GOAL, "--repo", str(repo), "--backend", url, "--json", "--yes"]
    command += ["--budget", f"{BUDGET_S:g}", "--dialect", "native", "--test", PYTEST, *off]
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return _read(case, out, err, loop.time() - start_s)


def _read(case: Case, out: bytes, err: bytes, process_s: float) -> Ended:
    lines = out.splitlines()
    if not lines:
        raise Failed(f"{case}: no output; {err.decode()[-500:]}")
    end = msgspec.json.decode(lines[-1], type=_End)
    if end.outcome is not Outcome.SOLVED:
        raise Failed(f"{case}: {end.outcome}; {err.decode()[-500:]}")
    rows: dict[StepKind, float] = {}
    for step in end.steps:
        rows[step.kind] = rows.get(step.kind, 0.0) + step.duration_s
    accounts = [
        msgspec.json.decode(line, type=LeverAccount)
        for line in lines
        if msgspec.json.decode(line, type=_Tag).type == "lever"
    ]
    return Ended(
        wall_s=end.wall_s,
        process_s=process_s,
        model_calls=end.model_calls,
        output_tokens=end.output_tokens,
        rows_s=rows,
        accounts=accounts,
    )


async def pace() -> Pace:
    """Return the pace at which a cold run of all tests takes the article's 5 s on this machine.

    From runs whose tests do not wait: what is spent before the tests' first line is within their
    pace, what is spent on sandbox, reports and exit comes on top of it. The least of five counts,
    so that what a process kept ready saves is not put too high.
    """
    with tempfile.TemporaryDirectory(prefix="hotloop-levers-") as folder:
        repo = copy_task(Path(folder), Pace(test_s=0.0, start_s=0.0))
        conftest = repo / "tests" / "conftest.py"
        conftest.write_text(f"{conftest.read_text()}\nPath('age').write_text(str(AGE_S))\n")
        plan = detect(repo, PYTEST)
        if plan is None:
            raise Failed(f"{repo} has no tests")
        runner = ContainedRunner(
            sandbox=Sandbox.detect(), consent=Consent("yes"), scratch=Path(folder) / "scratch"
        )
        ages: list[float] = []
        rests: list[float] = []
        for _ in range(5):
            outcome = await run_tests(plan, repo, runner, deadline_s=_PATIENCE_S)
            ages.append(float((repo / "age").read_text()))
            rests.append(outcome.duration_s - ages[-1])
    return Pace(test_s=(TESTS_S - min(rests)) / _TESTS, start_s=min(ages))
