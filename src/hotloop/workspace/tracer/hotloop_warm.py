"""Runs pytest again and again without paying its start: a fork server in the user's interpreter.

The server imports the runner and nothing of the workspace; each job is forked from it. Jobs come
as JSON lines on stdin: {"id", "cwd", "argv", "env", "deadline_s"}; answers go to stdout the same
way: {"id", "status", "output", "timed_out", "duration_s"}. A job that is still running when the
next line or the end of stdin comes was given up by who asked: it is ended and not answered.
Standard library only; Python 3.8 and later.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

CAPTURE_BYTES = 150_000
"""Bytes of output that are kept, half from its beginning and half from its end."""
STDIN = 0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.05
_READ_BYTES = 1 << 16


class Job(TypedDict):
    """One run: pytest's arguments, folder and environment, and the seconds it may take."""

    id: int
    cwd: str
    argv: list[str]
    env: dict[str, str]
    deadline_s: float


class Inbox:
    """Lines of a file descriptor; knows without blocking whether more has come."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._buffer = b""
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield lines until the end."""
        while True:
            while b"\n" not in self._buffer and not self._ended:
                self.take()
            line, newline, self._buffer = self._buffer.partition(b"\n")
            if not newline:
                return
            yield line

    def take(self) -> None:
        """Read what is there, or notice the end."""
        chunk = os.read(self.fd, _READ_BYTES)
        self._buffer += chunk
        self._ended = not chunk


class Run:
    """A forked pytest run. `timed_out` and `given_up` say why it was ended early."""

    def __init__(self, job: Job, inbox: Inbox) -> None:
        self._inbox = inbox
        self._started = time.monotonic()
        self._deadline = self._started + job["deadline_s"]
        self._output = bytearray()
        self.timed_out = False
        self.given_up = False
        self._read_end, write_end = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._read_end)
            run_pytest(job, write_end)
        os.close(write_end)

    def finish(self) -> dict[str, object]:
        """Wait for the end, leave no process of the run, and return how it ended."""
        raw = self._watch()
        kill_group(self._pid)
        if raw is None:
            raw = os.waitpid(self._pid, 0)[1]
        kill_adopted()
        self._drain()
        os.close(self._read_end)
        return {
            "status": exit_status(raw),
            "output": self._output.decode("utf-8", "replace"),
            "timed_out": self.timed_out,
            "duration_s": time.monotonic() - self._started,
        }

    def _watch(self) -> int | None:
        """Read output until the run ends by itself, is late or given up; return its status."""
        watched = [self._read_end, self._inbox.fd]
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                self.timed_out = True
                return None
            ready = select.select(watched, [], [], min(left, _POLL_S))[0]
            if self._inbox.fd in ready:
                self._inbox.take()
                self.given_up = True
                return None
            if self._read_end in ready and not self._read():
                return None
            # A daemon of the run may hold the pipe open after its end.
            pid, raw = os.waitpid(self._pid, os.WNOHANG) if not ready else (0, 0)
            if pid:
                return raw

    def _read(self) -> bool:
        chunk = os.read(self._read_end, _READ_BYTES)
        self._output += chunk
        half = CAPTURE_BYTES // 2
        del self._output[half : max(half, len(self._output) - half)]
        return bool(chunk)

    def _drain(self) -> None:
        """Take what is left in the pipe."""
        while select.select([self._read_end], [], [], 0)[0] and self._read():
            pass


def exit_status(raw: int) -> int:
    """Return a wait status as a shell does: the exit status, 128 + n where signal n ended it."""
    return 128 + os.WTERMSIG(raw) if os.WIFSIGNALED(raw) else os.WEXITSTATUS(raw)


def kill_group(pid: int) -> None:
    """End a process and its group, whichever of them there are."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def kill_adopted() -> None:
    """End what a run left behind in other process groups; the server has become its parent."""
    while True:
        try:
            pid = os.waitpid(-1, os.WNOHANG)[0]
        except ChildProcessError:
            return
        if pid:
            continue
        for child in children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        os.waitpid(-1, 0)


def children() -> list[int]:
    """Return the processes whose parent this one is; only where there is a `/proc`."""
    own = os.getpid()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                stat = (entry / "stat").read_bytes()
                if int(stat.rpartition(b")")[2].split()[1]) == own:
                    found.append(int(entry.name))
    return found


def prctl(option: int, value: int) -> None:
    """Call `prctl(2)` where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def run_pytest(job: Job, write_end: int) -> NoReturn:
    """Run pytest in this process as `python -m pytest` would, and leave it."""
    status = 3
    try:
        os.setsid()
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        os.close(write_end)
        os.chdir(job["cwd"])
        os.environ.update(job["env"])
        extra = [p for p in job["env"].get("PYTHONPATH", "").split(os.pathsep) if p]
        sys.path[:0] = [job["cwd"], *extra]
        sys.argv = ["pytest", *job["argv"]]
        import pytest

        status = int(pytest.main(job["argv"]))
    except BaseException as error:
        os.write(2, repr(error).encode())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def prime() -> None:
    """Run a failing test of our own, so that runner and plugins are imported before the forks.

    Plugins import much of what they need at the first failure only. What the run left of its own
    is removed; of the workspace nothing was imported.
    """
    import pytest

    before, paths = Path.cwd(), list(sys.path)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_hotloop_prime.py").write_text(
            "def test_prime():\n    assert [0] == [1]\n"
        )
        os.chdir(folder)
        pytest.main(["-q", "--rootdir", folder, "-p", "no:cacheprovider", folder])
        os.chdir(before)
    sys.modules.pop("test_hotloop_prime", None)
    sys.path[:] = paths
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # a run looks for garbage at its end: not among all that was imported here


def main() -> None:
    """Serve jobs until stdin ends."""
    sys.path[:] = [p for p in sys.path if p]
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prime()
    answers.write(json.dumps({"ready": True}) + "\n")
    answers.flush()
    inbox = Inbox(STDIN)
    for line in inbox:
        job: Job = json.loads(line)
        run = Run(job, inbox)
        answer = {"id": job.get("id", 0), **run.finish()}
        if not run.given_up:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
