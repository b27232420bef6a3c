"""Fixtures that several files of tests share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from engine_bench import Bench, runs, until
from hotloop.engine.manager import list_engines, stop_engine
from hotloop.workspace.root import Workspace
from model_hub import CONTENT, PART_BYTES, Hub, build_wheel, serve


@pytest.fixture
def own_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of pytest that see nothing of this one's settings."""
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder to work in."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Bench]:
    bench = Bench(tmp_path)
    program = tmp_path / "llama-server"
    fake = Path(__file__).with_name("fake_llama_server.py")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {fake} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", str(program))
    monkeypatch.setenv("FAKE_ENGINE", str(bench.marks))
    yield bench
    for state in list_engines():
        stop_engine(state.model_id)
    until(lambda: not [pid for pid in bench.servers() if runs(pid)])
    until(lambda: not [pid for pid in bench.supervisors if runs(pid)])


@pytest.fixture
def without_bwrap(tmp_path: Path) -> dict[str, str]:
    """A PATH on which there is all that is needed but bubblewrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "grep", "sleep", "setsid", "git", "touch", "cat"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    return {"PATH": str(folder)}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for server in serve():
        server.files["/org/repo/resolve/rev/tiny.gguf"] = CONTENT
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def wheel_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two real wheels, and pip settings of the user's that find them."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number in (1, 2):
        build_wheel(folder, number, CONTENT[(number - 1) * PART_BYTES : number * PART_BYTES])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.txt").write_bytes(b"old\n")
    return Workspace(root)
