"""Run a command and end, together with it, every process it started.

A script of its own, run as `python -I -S supervise.py PARENT_PID COMMAND…` where no PID
namespace can be had. It makes itself the reaper of orphans (`prctl(2)`,
PR_SET_CHILD_SUBREAPER), so that a daemon that left its session and process group still ends
up as its child. It stops on SIGTERM, and when its parent dies (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_S = 0.3
_KILL_LIMIT_S = 2.0
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _children() -> list[int]:
    own = os.getpid()
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError), io.FileIO(f"{entry.path}/stat") as stat:
            if int(stat.read().rpartition(b")")[2].split()[1]) == own:
                found.append(int(entry.name))
    return found


def _reap_all() -> bool:
    """Reap every child that has ended; return whether none is left."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return False
        except ChildProcessError:
            return True


def _kill_all() -> None:
    limit = time.monotonic() + _KILL_LIMIT_S
    while not _reap_all() and time.monotonic() < limit:
        for pid in _children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)


def _ended(command: int) -> int | None:
    """Reap what has ended; return the command's exit status if it is among it."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 1
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if pid == 0:
            return None


def _wait(command: int) -> int:
    """Wait for the command's end, or for a signal to end it, and return its exit status."""
    while signal.sigwaitinfo(_WATCHED).si_signo == signal.SIGCHLD:
        status = _ended(command)
        if status is not None:
            return status
    with contextlib.suppress(OSError):
        os.killpg(command, signal.SIGTERM)
    limit = time.monotonic() + _GRACE_S
    while (left := limit - time.monotonic()) > 0 and _ended(command) is None:
        signal.sigtimedwait({signal.SIGCHLD}, left)
    return 128 + signal.SIGTERM


def _become(argv: list[str], prctl: ctypes.CDLL) -> None:
    os.setpgid(0, 0)
    prctl.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"cannot start {argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


def main(parent: int, argv: list[str]) -> int:
    """Run `argv` for the process `parent` and return its exit status (128 + n for signal n)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    command = os.fork()
    if command == 0:
        _become(argv, libc)
    status = _wait(command)
    _kill_all()
    return status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
