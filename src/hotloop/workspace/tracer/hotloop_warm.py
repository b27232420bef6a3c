"""Runs pytest again and again without paying its start: a fork server in the user's interpreter.

The server imports the runner and nothing of the workspace; each job is forked from it. Where the
same job comes again, a process is forked that makes pytest ready for it up to the collection of
tests, and forks the runs: half the time of a small one. It is given up where code of the workspace
is loaded by then (a conftest, a plugin), which runs would share. Jobs come
as JSON lines on stdin: {"id", "cwd", "argv", "env", "deadline_s"}; answers go to stdout the same
way: {"id", "status", "output", "timed_out", "duration_s"}. A job that is still running when the
next line or the end of stdin comes was given up by who asked: it is ended and not answered.
Standard library only; Python 3.8 and later.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
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
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn, TextIO

CAPTURE_BYTES = 150_000
"""Bytes of output that are kept, half from its beginning and half from its end."""
STDIN = 0
UNFIT = 77
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
        chunk = os.read(self.fd, _READ_BYTES)
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
        chunk = os.read(source, _READ_BYTES)
        self._output += chunk
        half = CAPTURE_BYTES // 2
        del self._output[half : max(half, len(self._output) - half)]
        return bool(chunk)

    def _drain(self) -> None:
        """Take what is left in the pipes."""
        for source in self._sources:
            while select.select([source], [], [], 0)[0] and self._read(source):
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


def become_run() -> None:
    """Make this process a run's: of a group of its own, and ended with its parent."""
    os.setsid()
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run_pytest(job: Job, write_end: int, shared: Shared | None = None) -> NoReturn:
    """Run pytest in this process as `python -m pytest` would, and leave it."""
    status = 3
    try:
        if shared is None:
            become_run()
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

        status = int(pytest.main(job["argv"], plugins=[shared] if shared else []))
        if shared is not None and not shared.is_run:
            status = UNFIT
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


def key(job: Job) -> tuple[object, ...]:
    """Return what two jobs must have in common to be runs of one session."""
    argv = [word for word in job["argv"] if not word.startswith("faulthandler_timeout=")]
    return job["cwd"], argv, job["env"]


class Shared:
    """A pytest plugin that forks runs where tests are about to be collected.

    Ends the process when the jobs end, and with `UNFIT` where there is one that it cannot run:
    that line, and what came behind it, then stand in `handed_back`.
    """

    def __init__(self, first: bytes, inbox: Inbox, answers: TextIO, handed_back: int) -> None:
        self.is_run = False
        self._first = first
        self._inbox = inbox
        self._answers = answers
        self._handed_back = handed_back
        self._output, self.write_end = os.pipe()
        self.pytest_collection = self._hook()

    def _hook(self) -> Callable[[Any], None]:
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection(session: Any) -> None:
            self._serve(session)

        return pytest_collection

    def _serve(self, session: Any) -> None:
        """Serve jobs; returns in the forked runs only, which go on and collect."""
        first: Job = json.loads(self._first)
        if not is_fit(session.config, first["cwd"]):
            self._leave(self._first)
        for line in itertools.chain([self._first], self._inbox):
            job: Job = json.loads(line)
            if key(job) != key(first):
                self._leave(line)
            run = Run(job, self._inbox, self._output)
            if run.is_child:
                self.is_run = True
                become_run()
                session.config.pluginmanager.getplugin("capturemanager").read_global_capture()
                return
            answer(self._answers, job, run)
        os._exit(0)

    def _leave(self, line: bytes) -> NoReturn:
        os.write(self._handed_back, line + b"\n" + self._inbox.rest)
        os._exit(UNFIT)


def is_fit(config: Any, root: str) -> bool:
    """Say whether runs may share what is loaded: nothing of the workspace, no workers."""
    if any(config.pluginmanager.hasplugin(name) for name in ("dsession", "_cov")):
        return False
    files = (getattr(module, "__file__", None) for module in [*sys.modules.values()])
    inside = os.path.realpath(root) + os.sep
    return not any(os.path.realpath(file).startswith(inside) for file in files if file)


def share(line: bytes, inbox: Inbox, answers: TextIO) -> bytes | None:
    """Serve jobs like the one of `line` in a process; return what it left, None at the end."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        inbox.fd = os.dup(inbox.fd)
        shared = Shared(line, inbox, answers, write_end)
        run_pytest(json.loads(line), shared.write_end, shared)
    os.close(write_end)
    left = bytearray()
    while chunk := os.read(read_end, _READ_BYTES):
        left += chunk
    os.close(read_end)
    ended = exit_status(os.waitpid(pid, 0)[1])
    if ended == 0:
        return None
    return bytes(left) or line + b"\n"


def answer(answers: TextIO, job: Job, run: Run) -> None:
    """Wait for a run's end and tell of it, unless nobody waits for that any more."""
    told = {"id": job.get("id", 0), **run.finish()}
    if not run.given_up:
        answers.write(json.dumps(told) + "\n")
        answers.flush()


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
    last: tuple[object, ...] = ()
    may_share = True
    for line in inbox:
        job: Job = json.loads(line)
        if may_share and key(job) == last:
            left = share(line, inbox, answers)
            if left is None:
                return
            may_share = not left.startswith(line)
            inbox.rest, last = left, ()
            continue
        answer(answers, job, Run(job, inbox))
        last = key(job)


if __name__ == "__main__":
    main()
