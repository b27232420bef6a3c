"""Runs pytest again and again without paying its start: a fork server in the user's interpreter.

The server imports the runner and nothing of the workspace; each job is forked from it. Jobs come
as JSON lines on stdin: {"cwd", "argv", "env", "deadline_s"}; answers go to stdout the same way:
{"status", "output", "timed_out", "duration_s"}. Standard library only.
"""

import contextlib
import json
import os
import select
import signal
import sys
import tempfile
import time

CAPTURE_BYTES = 200_000


def run_job(job):
    """Fork, run pytest in the child, and return how it ended."""
    read_end, write_end = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        child(job, write_end)
    os.close(write_end)
    output, timed_out = gather(read_end, pid, started + job["deadline_s"])
    os.close(read_end)
    status = reap(pid)
    return {
        "status": status,
        "output": output.decode("utf-8", "replace"),
        "timed_out": timed_out,
        "duration_s": time.monotonic() - started,
    }


def gather(read_end, pid, deadline):
    """Read the child's output until it ends; kill its process group at the deadline."""
    chunks, size = [], 0
    while True:
        left = deadline - time.monotonic()
        ready = left > 0 and select.select([read_end], [], [], left)[0]
        if not ready:
            kill_group(pid)
            return b"".join(chunks), True
        chunk = os.read(read_end, 65536)
        if not chunk:
            return b"".join(chunks), False
        if size < CAPTURE_BYTES:
            chunks.append(chunk)
            size += len(chunk)


def kill_group(pid):
    """End the child and all it started."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def reap(pid):
    """Return the child's exit status; whatever is left of its group is ended."""
    _, raw = os.waitpid(pid, 0)
    kill_group(pid)
    return os.waitstatus_to_exitcode(raw)


def child(job, write_end):
    """Run pytest and leave; never returns."""
    status = 3
    try:
        os.setsid()
        devnull = os.open(os.devnull, os.O_RDONLY)
        os.dup2(devnull, 0)
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
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
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def prime():
    """Run a failing test of our own, so that runner and plugins are imported before the forks.

    Plugins import much of what they need at the first failure only. What the run left of its own
    is removed; of the workspace nothing was imported.
    """
    import pytest

    before, paths = os.getcwd(), list(sys.path)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "test_hotloop_prime.py"), "w") as file:
            file.write("def test_prime():\n    assert [0] == [1]\n")
        os.chdir(folder)
        pytest.main(["-q", "--rootdir", folder, "-p", "no:cacheprovider", folder])
        os.chdir(before)
    sys.modules.pop("test_hotloop_prime", None)
    sys.path[:] = paths


def main():
    """Serve jobs until stdin ends."""
    sys.path[:] = [p for p in sys.path if p]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prime()
    answers.write(json.dumps({"ready": True}) + "\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(run_job(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
