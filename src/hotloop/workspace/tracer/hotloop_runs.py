"""A pytest run that is forked from a server: watched, and ended with all that it started.

Standard library only; Python 3.8 and later.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn, TextIO

CAPTURE_BYTES = 150_000
"""Bytes of output that are kept, half from its beginning and half from its end."""
READ_BYTES = 1 << 16
STDIN = 0
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.05


class Job(TypedDict):
    """One run: pytest's arguments, folder and environment, and the seconds it may take."""

    id: int
    cwd: str
    argv: list[str]
    env: dict[str, str]
    deadline_s: float


class Inbox:
    """Lines of a file descriptor; knows without blocking whether more has come.

    `rest` is what was read and not yielded.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.rest = b""
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield lines until the end."""
        while True:
            while b"\n" not in self.rest and not self._ended:
                self.take()
            line, newline, self.rest = self.rest.partition(b"\n")
            if not newline:
                return
            yield line

    def take(self) -> None:
        """Read what is there, or notice the end."""
        chunk = os.read(self.fd, READ_BYTES)
        self.rest += chunk
        self._ended = not chunk


class Run:
    """A forked pytest run. `timed_out` and `given_up` say why it was ended early.

    With `shared`, a pipe that standard output goes to already, the fork only returns, with
    `is_child`; the pipe of its own then tells of its end.
    """

    def __init__(self, job: Job, inbox: Inbox, shared: int | None = None) -> None:
        self._inbox = inbox
        self._started = time.monotonic()
        self._deadline = self._started + job["deadline_s"]
        self._output = bytearray()
        self.timed_out = False
        self.given_up = False
        self._read_end, write_end = os.pipe()
        self._sources = [self._read_end, *([] if shared is None else [shared])]
        self._pid = os.fork()
        self.is_child = self._pid == 0
        if self.is_child:
            os.close(self._read_end)
            if shared is None:
                become_run()
                run_pytest(job, write_end)
            return  # with the pipe open, until its end
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
        watched = [*self._sources, self._inbox.fd]
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
            if not all(self._read(source) for source in self._sources if source in ready):
                return None
            # A daemon of the run may hold the pipe open after its end.
            pid, raw = os.waitpid(self._pid, os.WNOHANG) if not ready else (0, 0)
            if pid:
                return raw

    def _read(self, source: int) -> bool:
        chunk = os.read(source, READ_BYTES)
        self._output += chunk
        half = CAPTURE_BYTES // 2
        del self._output[half : max(half, len(self._output) - half)]
        return bool(chunk)

    def _drain(self) -> None:
        """Take what is left in the pipes."""
        for source in self._sources:
            while select.select([source], [], [], 0)[0] and self._read(source):
                pass


def answer(answers: TextIO, job: Job, run: Run) -> None:
    """Wait for a run's end and tell of it, unless nobody waits for that any more."""
    told = {"id": job.get("id", 0), **run.finish()}
    if not run.given_up:
        answers.write(json.dumps(told) + "\n")
        answers.flush()


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


def become_run() -> None:
    """Make this process a run's: of a group of its own, and ended with its parent."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prepare(job: Job, write_end: int) -> None:
    """Set this process up as `python -m pytest` would be, with its output to `write_end`."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)
    os.dup2(write_end, 1)
    os.dup2(write_end, 2)
    os.close(write_end)
    os.chdir(job["cwd"])
    os.environ.update(job["env"])
    extra = [p for p in job["env"].get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:0] = [job["cwd"], *extra]
    sys.argv = ["pytest", *job["argv"]]


def run_pytest(
    job: Job, write_end: int, status_of: Callable[[int], int] = int, plugin: object = None
) -> NoReturn:
    """Run pytest here and leave with its status, as `status_of` sees it; output to `write_end`."""
    status = 3
    try:
        prepare(job, write_end)
        import pytest

        status = status_of(pytest.main(job["argv"], plugins=[plugin] if plugin else []))
    except BaseException as error:
        os.write(2, repr(error).encode())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
