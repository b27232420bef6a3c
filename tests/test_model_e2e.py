"""The whole of it on real models: a real repository, a real engine, a real edit."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench.edits.edits import ask, requests
from bench.loops.session import FinalLine, read_lines
from examples.demo.__main__ import GOAL, REPO
from hotloop.config import Config
from hotloop.engine.catalog import DEFAULT_ID, SMALL_ID, resolve
from hotloop.engine.download import ensure
from hotloop.engine.state import EngineState
from hotloop.loop.budget import Budget
from hotloop.loop.caller import Caller
from hotloop.loop.capability import check_lark, holds_lark
from hotloop.loop.clock import SessionClock
from hotloop.loop.opening import LocalModel, open_backend

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]

HOTLOOP = str(Path(sys.executable).with_name("hotloop"))
BUDGET_S = 180
"""Far more than a quiet machine needs: this is about what comes out, not how soon."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both models, fetched if need be to where this process keeps models."""
    folder = tmp_path_factory.mktemp("models")
    for name in (SMALL_ID, DEFAULT_ID):
        ref = resolve(name)
        (folder / ref.file).symlink_to(ensure(ref))
    return folder


@pytest.fixture
def home(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own; no engine is left at the end."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOTLOOP_HOME", str(home))
    monkeypatch.setenv("HOTLOOP_MODELS", str(models))
    for name in ("OPENAI_BASE_URL", "HOTLOOP_MODEL", "HOTLOOP_BUDGET", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    yield home
    hotloop("engine", "stop")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    return Path(shutil.copytree(REPO, tmp_path / "tea", ignore=ignore))


def hotloop(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([HOTLOOP, *arguments], capture_output=True, check=False)


def run(repo: Path, *more: str) -> tuple[subprocess.CompletedProcess[bytes], FinalLine]:
    done = hotloop(
        "run", GOAL, "--repo", str(repo), "--budget", str(BUDGET_S), "--yes", "--json", *more
    )
    lines = read_lines(done.stdout)
    assert lines.stray == 0, done.stdout
    assert lines.end is not None, done.stderr
    return done, lines.end


def is_green(repo: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=repo, capture_output=True, check=False).returncode == 0


def engines() -> list[dict[str, object]]:
    answer = hotloop("engine", "status", "--json").stdout
    return msgspec.json.decode(answer, type=list[dict[str, object]])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in (Path("/proc") / str(pid) / "status").read_text()


def state_of(home: Path, model: str) -> EngineState:
    [path] = (home / "state" / "engine").glob(f"{model}.json")
    return msgspec.json.decode(path.read_bytes(), type=EngineState)


def test_the_default_model_solves_the_demo(home: Path, repo: Path, tmp_path: Path) -> None:
    before = shutil.copytree(repo, tmp_path / "again")
    tests = {path: path.read_bytes() for path in (repo / "tests").rglob("*.py")}

    done, end = run(repo, "--model", DEFAULT_ID)
    assert (done.returncode, end.outcome) == (0, "solved"), done.stdout[-3000:]
    assert is_green(repo)
    assert {path: path.read_bytes() for path in tests} == tests
    assert end.model_calls >= 1
    assert end.output_tokens > 0
    assert {"generate", "test", "verify"} <= {step.kind for step in end.steps}

    table = hotloop("trace", "show", end.session).stdout.decode()
    for row in ("Plan", "Tool calls", "Read and reason", "Generate code", "Run tests", "Verify"):
        assert row in table
    assert "solved in" in table

    first = state_of(home, DEFAULT_ID)
    _, second_end = run(before, "--model", DEFAULT_ID)
    second = state_of(home, DEFAULT_ID)
    assert second_end.outcome == "solved"
    assert second_end.cached_tokens > 0
    assert (first.pid, first.server_pid) == (second.pid, second.server_pid)

    undone = hotloop("undo", "--repo", str(repo))
    assert undone.returncode == 0, undone.stderr
    assert not is_green(repo)

    assert hotloop("engine", "stop").returncode == 0
    assert engines() == []
    assert not is_running(second.pid)
    assert not is_running(second.server_pid)


def test_the_small_model_comes_to_a_clean_end(home: Path, repo: Path) -> None:
    done, end = run(repo, "--model", SMALL_ID)
    assert done.returncode == (0 if end.outcome == "solved" else 1)
    assert end.outcome in ("solved", "unsolved", "over_budget")
    assert (end.outcome == "solved") == is_green(repo)
    assert 0 < end.wall_s < BUDGET_S + 10
    assert 0 <= end.cached_tokens <= end.input_tokens
    assert all(step.duration_s >= 0 for step in end.steps)
    assert [engine["model"] for engine in engines()] == [SMALL_ID]


def test_the_engine_holds_edits_to_the_lines_of_their_file(
    home: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", "off")  # `make engine` builds one without llguidance

    async def main() -> None:
        local = LocalModel(SMALL_ID, models / resolve(SMALL_ID).file)
        opened = await open_backend(Config(model=SMALL_ID), local, print, lambda _: None)
        clock = SessionClock(lambda _: None, Budget(BUDGET_S, opened.start_s))
        try:
            assert await check_lark(Caller(opened.client, clock))
            assert holds_lark(opened.client.base_url, opened.client.model)
            for request in requests()[::15]:
                for form in ("terse+exact", "schema+exact"):
                    asked = await ask(opened.client, form, request)
                    assert asked.found in ("exact", "none"), asked
        finally:
            await opened.close()

    asyncio.run(main())
