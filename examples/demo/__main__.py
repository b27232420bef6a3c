"""`python -m examples.demo`: hotloop fixes a failing test in a fresh copy of `repo/`.

Arguments are handed on to `hotloop run`, for example `--backend URL`.
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

REPO = Path(__file__).parent / "repo"
GOAL = "The tea timer shows 2:5 instead of 2:05. Make the failing test pass."
HOTLOOP = Path(sys.executable).parent / "hotloop"


def main(arguments: Sequence[str]) -> int:
    """Run the demo. Returns hotloop's exit status; 1 if it says 0 and the tests are red."""
    if not HOTLOOP.exists():
        print(f"no {HOTLOOP}; run make install", file=sys.stderr)
        return 3
    copy = Path(tempfile.mkdtemp(prefix="hotloop-demo-")) / "tea"
    shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    command = [str(HOTLOOP), "run", GOAL, "--repo", str(copy), "--yes", *arguments]
    print("$ " + shlex.join(["hotloop", *command[1:]]), flush=True)
    status = _wait_for(command)
    print("\nWhat changed:\n" + "".join(_diff(copy)), flush=True)
    print("$ python -m pytest  (once more, cold)", flush=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    green = subprocess.call(tests, cwd=copy, env=_environment()) == 0
    print(f"\nTests are {'green' if green else 'red'}. The copy is in {copy}")
    return status or (0 if green else 1)


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
