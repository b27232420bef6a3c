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

import gc
import itertools
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hotloop_runs import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    READ_BYTES,
    STDIN,
    Inbox,
    Job,
    Run,
    answer,
    become_run,
    exit_status,
    prctl,
    run_pytest,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TextIO

UNFIT = 77
"""Status of a process whose runs would share what they must not, or that got another job."""


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

    def status(self, status: int) -> int:
        """Return the status that the process is to end with: of a run, or of none come to."""
        return int(status) if self.is_run else UNFIT

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
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        inbox.fd = os.dup(inbox.fd)
        shared, job = Shared(line, inbox, answers, write_end), json.loads(line)
        run_pytest(job, shared.write_end, shared.status, shared)
    os.close(write_end)
    left = bytearray()
    while chunk := os.read(read_end, READ_BYTES):
        left += chunk
    os.close(read_end)
    ended = exit_status(os.waitpid(pid, 0)[1])
    if ended == 0:
        return None
    return bytes(left) or line + b"\n"


def main() -> None:
    """Serve jobs until stdin ends."""
    sys.path[:] = [p for p in sys.path if p]
    prctl(PR_SET_CHILD_SUBREAPER, 1)
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
