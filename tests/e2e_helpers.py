"""Runs the real console command as a process of its own, in tiny repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.script import Reply, Script, ToolCall

HOTLOOP = Path(sys.executable).with_name("hotloop")
LIMIT_S = 60.0
BROKEN = "def add(a, b):\n    return a - b\n"
MENDED = "def add(a, b):\n    return a + b\n"
CHECK = "grep -q 'a + b' calc.py"
"""A test command that takes a millisecond: green once `calc.py` is mended."""
END_FIELDS = [
    "type",
    "outcome",
    "session",
    "wall_s",
    "model_calls",
    "model_wait_s",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "steps",
]
INSTANT = load_profile("instant")
_OWN = ("HOTLOOP_", "OPENAI_", "XDG_")


class Ended(msgspec.Struct, frozen=True):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The objects on stdout, of which each line has to hold one."""
        found = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(one, dict) for one in found)
        return found

    @property
    def end(self) -> dict[str, Any]:
        """The last line of stdout, which has to be `session.end`."""
        end = self.events[-1]
        assert end["type"] == "session.end"
        assert list(end) == END_FIELDS
        return end

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


class Home:
    """A machine of one's own: folders, environment, and a mark on every process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "home"
        self.repo = folder / "repo"
        self.mark = f"HOTLOOP_TEST_MARK={uuid.uuid4().hex}"
        self.env = {name: text for name, text in os.environ.items() if not name.startswith(_OWN)}
        name, _, value = self.mark.partition("=")
        self.env |= {"HOTLOOP_HOME": str(self.folder), name: value, "HOME": str(folder)}
        self.write("calc.py", BROKEN)

    def write(self, name: str, content: str) -> Path:
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def files(self) -> dict[str, bytes]:
        """Every file of the repository, hidden ones too."""
        found = (path for path in self.repo.rglob("*") if path.is_file())
        return {str(path.relative_to(self.repo)): path.read_bytes() for path in found}

    def start(self, *args: str, env: Mapping[str, str] | None = None, **more: Any):
        command = [*more.pop("before", ()), str(HOTLOOP), *args]
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": self.folder.parent,
        }
        return subprocess.Popen(command, env={**self.env, **(env or {})}, **{**options, **more})

    def call(self, *args: str, env: Mapping[str, str] | None = None, **more: Any) -> Ended:
        return finish(self.start(*args, env=env, **more))

    def run_args(self, url: str, *args: str, test: str = CHECK) -> list[str]:
        given = ["--test", test] if test else []
        return [
            *("run", "Mend add", "--repo", str(self.repo), "--backend", url),
            *("--model", "sim", "--json", *given, *args),
        ]

    def run(self, url: str, *args: str, test: str = CHECK, **more: Any) -> Ended:
        """`hotloop run --json` on the repository against an endpoint."""
        return self.call(*self.run_args(url, *args, test=test), **more)

    def processes(self) -> list[int]:
        """Processes that run and were started, however indirectly, by a command of this home."""
        return [pid for pid in _pids() if self.mark.encode() in _environment(pid)]

    def assert_alone(self) -> None:
        """No process may be left behind."""
        until(lambda: not self.processes(), 5)


def finish(process: subprocess.Popen[bytes], limit_s: float = LIMIT_S) -> Ended:
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {limit_s} s\n{out!r}\n{err!r}") from None
    return Ended(process.returncode, out.decode(), err.decode())


def until(condition: Callable[[], object], patience_s: float = 20) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not come about in time"
        time.sleep(0.005)


def _pids() -> list[int]:
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def profile(**changes: Any) -> Profile:
    return msgspec.structs.replace(INSTANT, **changes)


def call(name: str, **arguments: object) -> Reply:
    return Reply(tool_calls=(ToolCall(name=name, arguments=arguments),))


def script(*replies: Reply) -> Script:
    return Script(replies=replies)


MEND = call("edit", path="calc.py", old="a - b", new="a + b")
DONE = call("done", message="mended")


def fill(root: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder, their text without the indentation it has in a test."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))


def processes_with(mark: str) -> list[int]:
    """Return the processes that carry `mark` in their command line."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]
