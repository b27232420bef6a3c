from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from changes_kit import tree
from hotloop import paths
from hotloop.errors import EnvironmentFault, UsageError
from hotloop.ui.undo_cmd import undo as undo_command
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Sandbox
from hotloop.workspace.undo import recover, undo


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# Forks a child per point of an edit and kills it there: before its n-th call that changes
# anything on disk. Prints how many points there were.
_KILLER = """
import os, signal, sys, threading
from pathlib import Path
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.undo import recover, undo

CALLS = {
    *("open", "write", "flush", "close", "fsync", "pwrite", "ftruncate", "flock", "utime"),
    *("replace", "unlink", "mkdir", "rmdir", "fchmod", "fchown"),
}
root = Path(sys.argv[1])
work = Workspace(root)
file, made = root / "a.txt", root / "made" / "b.txt"
OLD, NEW = b"old\\n" * 5000, b"new\\n" * 7000

def child(point):
    left = point
    def count(frame, event, argument):
        nonlocal left
        if event == "c_call" and argument.__name__ in CALLS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(count)
    with Checkpoint(work, f"k{point}") as checkpoint:
        checkpoint.write("a.txt", NEW)
        checkpoint.write("made/b.txt", NEW)
    sys.setprofile(None)
    os._exit(0)

seen = set()
for point in range(1, 500):
    file.write_bytes(OLD)
    pid = os.fork()
    if pid == 0:
        try:
            child(point)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    content = file.read_bytes()
    assert content in (OLD, NEW), point
    assert not made.exists() or made.read_bytes() == NEW, point
    left = recover(root)
    names = {path.name for path in root.rglob("*")}
    assert names <= {"a.txt", "made", "b.txt"}, (point, names)
    assert ("made" in names) == ("b.txt" in names), point
    seen.add((content == NEW, made.exists(), bool(left)))
    if content == NEW or made.exists():
        undo(root, f"k{point}")
    assert file.read_bytes() == OLD and not made.parent.exists(), point
    if status == 0:
        break
    assert status == -signal.SIGKILL, status
assert (False, False, True) in seen and (True, False, True) in seen, seen
print(point)
"""


def test_a_kill_at_any_point_leaves_old_or_new_and_no_litter(
    work: Workspace, tmp_path: Path
) -> None:
    script = tmp_path / "killer.py"
    script.write_text(_KILLER)
    done = subprocess.run(
        [sys.executable, str(script), str(work.root)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


def test_kills_at_random_moments_of_an_edit_loop(work: Workspace) -> None:
    contents = [b"A" * 300_000, b"B" * 300_000]
    (work.root / "a.txt").write_bytes(contents[0])
    script = """
        import itertools, sys
        from hotloop.workspace.changes import Checkpoint
        from hotloop.workspace.root import Workspace
        with Checkpoint(Workspace(sys.argv[1]), sys.argv[2]) as checkpoint:
            for letter in itertools.cycle(b"BA"):
                checkpoint.write("a.txt", bytes([letter]) * 300_000)
                print("edited", flush=True)
    """
    for number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(work.root), f"r{number}"],
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout
            for _ in range(number + 1):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert (work.root / "a.txt").read_bytes() in contents
        recover(work.root)
        assert list(tree(work.root)) == ["a.txt"]
    undo(work.root, "r0", force=True)
    assert (work.root / "a.txt").read_bytes() == contents[0]


_FULL_DISK = """
import sys
from pathlib import Path
from hotloop.errors import EnvironmentFault
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
root, depth, size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
old = b"o" * size
(root / "a.txt").write_bytes(old)
with Checkpoint(Workspace(root), "full") as checkpoint:
    try:
        checkpoint.write("sub/" * depth + "a.txt", b"x" * 400_000)
    except EnvironmentFault as fault:
        print(fault)
    assert [path.name for path in root.iterdir()] == ["a.txt"], list(root.iterdir())
    assert (root / "a.txt").read_bytes() == old
    checkpoint.write("b.txt", b"fits")
assert (root / "b.txt").read_bytes() == b"fits"
"""


@pytest.mark.parametrize(
    ("full", "depth", "size"), [("repo", 0, 300), ("repo", 1, 300), ("home/state", 0, 300_000)]
)
def test_a_full_disk_is_named_and_nothing_is_lost(
    work: Workspace, tmp_path: Path, full: str, depth: int, size: int
) -> None:
    if not Sandbox.detect().available:
        pytest.skip("needs bubblewrap for a small file system")
    (tmp_path / full).mkdir(parents=True, exist_ok=True)
    small = ("--dev-bind", "/", "/", "--size", "131072", "--tmpfs", str(tmp_path / full))
    script = (sys.executable, "-c", _FULL_DISK, str(work.root), str(depth), str(size))
    done = subprocess.run(["bwrap", *small, *script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "the disk is full: cannot write" in done.stdout
    assert "free disk space" in done.stdout


def test_a_damaged_journal_is_named(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"new")
    journal = paths.state_dir() / "checkpoints" / "s1" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b"{torn")
    undo(work.root)
    assert (work.root / "a.txt").read_bytes() == b"old\n"
    journal.write_bytes(journal.read_bytes() + b"{broken}\n")
    with pytest.raises(EnvironmentFault, match="damaged"):
        undo(work.root, "s1")


def test_the_undo_command(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"new")
        checkpoint.write("b.txt", b"b")
    (work.root / "b.txt").write_bytes(b"theirs")
    repo = ["--repo", str(work.root)]
    first = CliRunner().invoke(undo_command, repo)
    assert first.exit_code == 1
    assert "restored a.txt" in first.output
    assert "left alone, changed since: b.txt" in first.output
    forced = CliRunner().invoke(undo_command, [*repo, "s1", "--force", "--json"])
    assert forced.exit_code == 0
    assert json.loads(forced.output)["removed"] == ["b.txt"]
    assert isinstance(CliRunner().invoke(undo_command, repo).exception, UsageError)
