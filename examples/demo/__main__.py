"""`python -m examples.demo`: hotloop fixes a failing test in a fresh copy of `repo/`.

Arguments are handed on to `hotloop run`, for example `--backend URL` or `--budget 20`.
"""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from hotloop.engine.catalog import default_id, resolve
from hotloop.engine.models_store import present_path
from hotloop.errors import EnvironmentFault

INTERRUPTED = 130
REPO = Path(__file__).parent / "repo"
GOAL = "The tea timer shows 2:5 instead of 02:05. Make the failing test pass."
HOTLOOP = Path(sys.executable).parent / "hotloop"
BUDGET_S = 60
"""Three times the default: the demo has to end well on two slow cores too."""


def main(arguments: Sequence[str]) -> int:
    """Run the demo. Returns hotloop's exit status; 1 if it says 0 and the tests are red."""
    if not HOTLOOP.exists():
        print(f"no {HOTLOOP}; run make install", file=sys.stderr)
        return 3
    copy = Path(tempfile.mkdtemp(prefix="hotloop-demo-")) / "tea"
    shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    command = [str(HOTLOOP), "run", GOAL, "--repo", str(copy), "--yes"]
    command += ["--budget", str(BUDGET_S), *arguments]
    print(_introduction(arguments))
    print("$ " + shlex.join(["hotloop", *command[1:]]), flush=True)
    status = _wait_for(command)
    if status in (INTERRUPTED, EnvironmentFault.exit_status):
        return status
    print("\nWhat changed:\n" + ("".join(_diff(copy)) or "nothing\n"))
    print("$ python -m pytest  (once more, from outside)", flush=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    green = subprocess.call(tests, cwd=copy, env=_environment()) == 0
    print(_farewell(copy, green=green))
    return status or (0 if green else 1)


def _introduction(arguments: Sequence[str]) -> str:
    lines = [f"A small repository has a failing test; hotloop works on a copy of it: {GOAL}"]
    ref = resolve(default_id())
    if not {"--backend", "--model"} & set(arguments) and present_path(ref) is None:
        size = ref.size_bytes / 1e9
        lines.append(f"The first run downloads a model ({ref.id}, {ref.licence}, {size:.1f} GB).")
    return "\n".join(lines) + "\n"


def _farewell(copy: Path, *, green: bool) -> str:
    return f"""
The tests are {"green" if green else "red"}. Have a look:
  {_shown(HOTLOOP)} trace show
  {_shown(HOTLOOP)} undo --repo {copy}
The engine stays warm for half an hour: {_shown(HOTLOOP)} engine stop"""


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _wait_for(command: Sequence[str]) -> int:
    """Run a command to its end. Ctrl-C is for the command, which says itself how it ended."""
    before = signal.signal(signal.SIGINT, _ignore)
    try:
        return subprocess.call(command, env=_environment())
    finally:
        signal.signal(signal.SIGINT, before)


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN this is not inherited by the command."""


def _environment() -> dict[str, str]:
    """Return the environment with this Python's programs first, as if its venv were active."""
    path = os.pathsep.join([str(HOTLOOP.parent), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _diff(copy: Path) -> Iterator[str]:
    paths = {path.relative_to(root) for root in (REPO, copy) for path in root.rglob("*.py")}
    for path in sorted(paths):
        before, after = (_lines(root / path) for root in (REPO, copy))
        yield from difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True) if path.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
