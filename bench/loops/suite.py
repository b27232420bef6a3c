"""The tasks of the suite: load them, copy them, judge what an agent made of them.

A task is a folder `tasks/SPLIT/NAME` with `task.toml`, the source in `repo/`, and in
`solution/` the files of `repo/` that a correct fix changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Literal

import msgspec

TASKS = Path(__file__).parent / "tasks"

Language = Literal["python", "javascript", "c"]
Kind = Literal[
    "operator",
    "index",
    "missing-case",
    "off-by-one",
    "api-use",
    "other-file",
    "feature",
    "refactor",
]

TEST_COMMANDS: dict[str, list[str]] = {
    "python": [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
    "javascript": ["node", "--test"],
    "c": ["make", "-s", "test"],
}
TOOLS: dict[str, tuple[str, ...]] = {"python": (), "javascript": ("node",), "c": ("make", "cc")}

LEFT_BEHIND = (".git", ".hotloop", "__pycache__", ".pytest_cache", "node_modules", "build")
GUARDED_FOLDERS = {"tests", "test"}
GUARDED_NAMES = (
    "test_*.py",
    "*_test.py",
    "*.test.js",
    "*.test.[cm]js",
    "conftest.py",
    "sitecustomize.py",
    "pyproject.toml",
    "pytest.ini",
    "setup.cfg",
    "tox.ini",
    "package.json",
    "Makefile",
)


class SuiteError(Exception):
    """The suite cannot do what was asked; the message says what to do instead."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `task.toml` says. `test` is hotloop's `--test`; empty: it has to find out itself."""

    goal: str
    language: Language
    kind: Kind
    test: str = ""


class Task(msgspec.Struct, frozen=True):
    """One task of the suite."""

    name: str
    split: str
    folder: Path
    manifest: Manifest

    @property
    def repo(self) -> Path:
        """Return the folder of the faulty source."""
        return self.folder / "repo"


class Verdict(msgspec.Struct, frozen=True):
    """What the tests say of a result, whatever the agent claims."""

    green: bool
    tests_changed: list[str]
    output: str


def load_tasks(split: str = "all", names: Sequence[str] = ()) -> list[Task]:
    """Return the tasks of a split (`dev`, `held` or `all`), by name; only `names` if given.

    Raises SuiteError for a name that is not in the split.
    """
    tasks = [task for task in _all_tasks() if split in ("all", task.split)]
    if not names:
        return tasks
    if unknown := set(names) - {task.name for task in tasks}:
        raise SuiteError(
            f"no task {', '.join(sorted(unknown))} in split {split}; "
            f"--split all, or one of: {', '.join(task.name for task in tasks)}"
        )
    return [task for task in tasks if task.name in names]


def _all_tasks() -> Iterator[Task]:
    for path in sorted(TASKS.glob("*/*/task.toml")):
        manifest = msgspec.convert(tomllib.loads(path.read_text()), Manifest)
        yield Task(path.parent.name, path.parent.parent.name, path.parent, manifest)


def missing_tools(task: Task) -> list[str]:
    """Return the programs that the task's tests need and this machine does not have."""
    return [tool for tool in TOOLS[task.manifest.language] if shutil.which(tool) is None]


def prepare(task: Task, target: Path) -> None:
    """Copy the task's faulty source to `target`, which must not exist yet."""
    shutil.copytree(task.repo, target, ignore=shutil.ignore_patterns(*LEFT_BEHIND))


def apply_solution(task: Task, target: Path) -> None:
    """Put the reference fix over a copy of the task."""
    shutil.copytree(task.folder / "solution", target, dirs_exist_ok=True)


def is_guarded(path: PurePath) -> bool:
    """Tell whether a file decides over red and green, so that an agent must not change it."""
    in_tests = bool(GUARDED_FOLDERS & set(path.parts[:-1]))
    return in_tests or any(path.match(pattern) for pattern in GUARDED_NAMES)


def changed_tests(task: Task, result: Path) -> list[str]:
    """Return the guarded files that are changed or gone in a result."""
    return [
        str(path)
        for path in _files(task.repo)
        if is_guarded(path) and _bytes(task.repo / path) != _bytes(result / path)
    ]


def verify(task: Task, result: Path, scratch: Path, timeout_s: float = 60) -> Verdict:
    """Judge a result: its source with the pristine tests, in the new folder `scratch`, run cold."""
    for path in _files(result):
        if not is_guarded(path):
            _copy(result / path, scratch / path)
    for path in _files(task.repo):
        if is_guarded(path):
            _copy(task.repo / path, scratch / path)
    green, output = run_tests(task, scratch, timeout_s)
    return Verdict(green, changed_tests(task, result), output)


def run_tests(task: Task, where: Path, timeout_s: float = 60) -> tuple[bool, str]:
    """Run the task's tests in a folder. Returns (green, output)."""
    command = TEST_COMMANDS[task.manifest.language]
    try:
        done = subprocess.run(
            command,
            cwd=where,
            env=plain_environment() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return False, f"{' '.join(command)} took more than {timeout_s:g} s"
    return done.returncode == 0, done.stdout


def plain_environment() -> dict[str, str]:
    """Return the environment as a developer has it: this Python first, no outer pytest in it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "NODE_TEST_", "MAKE", "MFLAGS"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return inherited | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - set(LEFT_BEHIND))
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(root)


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
