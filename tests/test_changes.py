from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotloop import paths
from hotloop.errors import EnvironmentFault, ToolError, UsageError
from hotloop.ui.undo_cmd import undo as undo_command
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Sandbox
from hotloop.workspace.undo import recover, session_diff, undo


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.txt").write_bytes(b"old\n")
    return Workspace(root)


def tree(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in root.rglob("*")
        if path.is_file()
    }


def folders(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_dir()}


def test_a_session_without_changes_leaves_nothing_on_disk(work: Workspace, home: Path) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        assert not checkpoint.write("a.txt", b"old\n")
    assert not home.exists()


def test_write_keeps_the_mode_and_undo_brings_all_back(work: Workspace) -> None:
    (work.root / "a.txt").chmod(0o750)
    before = tree(work.root)
    with Checkpoint(work, "s1") as checkpoint:
        assert checkpoint.write("a.txt", b"new\n")
        checkpoint.write("deep/er/b.txt", b"made\n")
        checkpoint.write("a.txt", b"newer\n")
        assert checkpoint.changed() == ["a.txt", "deep/er/b.txt"]
    assert tree(work.root)["a.txt"] == (b"newer\n", 0o750)
    report = undo(work.root)
    assert (report.session, report.restored, report.removed) == ("s1", ["a.txt"], ["deep/er/b.txt"])
    assert tree(work.root) == before
    assert folders(work.root) == set()


def test_undo_takes_sessions_back_one_by_one_and_can_be_undone(work: Workspace) -> None:
    for number in (1, 2):
        with Checkpoint(work, f"s{number}") as checkpoint:
            checkpoint.write("a.txt", b"%d\n" % number)
    file = work.root / "a.txt"
    again = undo(work.root).undo_session
    assert file.read_bytes() == b"1\n"
    undo(work.root, again)
    assert file.read_bytes() == b"2\n"
    assert undo(work.root).session == "s2"
    assert undo(work.root).session == "s1"
    assert file.read_bytes() == b"old\n"
    with pytest.raises(UsageError, match="no session to undo"):
        undo(work.root)


def test_what_the_user_changed_since_is_left_alone_without_force(work: Workspace) -> None:
    (work.root / "b.txt").write_bytes(b"b\n")
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"ours\n")
        checkpoint.write("b.txt", b"ours\n")
    (work.root / "a.txt").write_bytes(b"theirs\n")
    report = undo(work.root)
    assert (report.restored, report.conflicts) == (["b.txt"], ["a.txt"])
    assert (work.root / "a.txt").read_bytes() == b"theirs\n"
    forced = undo(work.root, force=True)
    assert (forced.session, forced.restored, forced.conflicts) == ("s1", ["a.txt"], [])
    assert (work.root / "a.txt").read_bytes() == b"old\n"
    undo(work.root, forced.undo_session)
    assert (work.root / "a.txt").read_bytes() == b"theirs\n"


def test_a_path_that_became_a_link_out_of_the_workspace_is_a_conflict(
    work: Workspace, tmp_path: Path
) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("d/x.txt", b"x")
        checkpoint.write("a.txt", b"new")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.txt").write_bytes(b"x")
    shutil.rmtree(work.root / "d")
    (work.root / "d").symlink_to(outside)
    assert undo(work.root).conflicts == ["d/x.txt"]
    assert (outside / "x.txt").exists()


def test_another_workspace_s_session_is_refused(work: Workspace, tmp_path: Path) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"new")
    (tmp_path / "other").mkdir()
    for session in ("s1", "unknown", "../s1"):
        with pytest.raises(UsageError):
            undo(tmp_path / "other", session)


def test_a_running_session_cannot_be_undone(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"new")
        with pytest.raises(UsageError, match="still running"):
            undo(work.root)
        assert recover(work.root) == []
    with pytest.raises(ToolError, match="ended"):
        checkpoint.write("a.txt", b"late")


def test_a_resumed_session_undoes_to_its_first_original(work: Workspace) -> None:
    for content in (b"1", b"2"):
        with Checkpoint(work, "s1") as checkpoint:
            checkpoint.write("a.txt", content)
    assert checkpoint.changed() == ["a.txt"]
    undo(work.root)
    assert (work.root / "a.txt").read_bytes() == b"old\n"


def test_rollback_to_a_mark(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"1")
        mark = checkpoint.mark()
        state = tree(work.root)
        checkpoint.write("a.txt", b"2")
        checkpoint.write("new/n.txt", b"n")
        checkpoint.write("a.txt", b"3")
        assert sorted(checkpoint.rollback_to(mark)) == ["a.txt", "new/n.txt"]
        assert tree(work.root) == state
        assert folders(work.root) == set()
        checkpoint.write("a.txt", b"4")
        (work.root / "a.txt").write_bytes(b"theirs")
        with pytest.raises(ToolError, match=r"someone else: a\.txt"):
            checkpoint.rollback_to(mark)
    assert (work.root / "a.txt").read_bytes() == b"theirs"


def test_a_file_changed_between_read_and_write_is_not_overwritten(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint, pytest.raises(ToolError, match="someone else"):
        checkpoint.write("a.txt", b"new", expected=b"what we read")
    assert (work.root / "a.txt").read_bytes() == b"old\n"


def test_threads_take_turns(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        threads = [
            threading.Thread(target=checkpoint.write, args=(f"{n % 3}.txt", b"%d" % n))
            for n in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    undo(work.root)
    assert list(tree(work.root)) == ["a.txt"]


def test_a_link_is_written_through_and_stays_a_link(work: Workspace) -> None:
    (work.root / "link.txt").symlink_to("a.txt")
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("link.txt", b"new\n")
    assert (work.root / "link.txt").is_symlink()
    assert (work.root / "a.txt").read_bytes() == b"new\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_a_tool_error(work: Workspace) -> None:
    work.root.chmod(0o500)
    try:
        with Checkpoint(work, "s1") as checkpoint, pytest.raises(ToolError, match="permission"):
            checkpoint.write("a.txt", b"new")
    finally:
        work.root.chmod(0o700)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_diff_is_one_that_git_applies(work: Workspace) -> None:
    (work.root / "gone.txt").write_bytes(b"1\n2\n")
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"old\nno newline")
        checkpoint.write("sub/new.txt", b"fresh\n")
        checkpoint.write("bin", b"\xff\0")
        checkpoint.remove("bin")
        checkpoint.remove("gone.txt")
        text = checkpoint.diff()
        after = tree(work.root)
    assert session_diff(work.root, "s1") == text
    undo(work.root)
    subprocess.run(["git", "apply", "-"], input=text, text=True, cwd=work.root, check=True)
    assert tree(work.root) == after
    undo(work.root, "s1.undo-1")


def test_binary_changes_are_named(work: Workspace) -> None:
    with Checkpoint(work, "s1") as checkpoint:
        checkpoint.write("a.txt", b"\xff\0")
        assert checkpoint.diff() == "Binary files a/a.txt and b/a.txt differ\n"


def test_a_file_that_is_removed_and_made_again_keeps_its_mode(work: Workspace) -> None:
    (work.root / "a.txt").chmod(0o755)
    with Checkpoint(work, "s") as checkpoint:
        checkpoint.remove("a.txt")
        checkpoint.write("a.txt", b"")
    assert (work.root / "a.txt").stat().st_mode & 0o777 == 0o755


_NAMES = st.sampled_from(["a.txt", "b.txt", "d/c.txt", "d/e/f.txt"])
_BYTES = st.binary(max_size=40)
_EDITS = st.lists(st.tuples(_NAMES, st.one_of(st.none(), _BYTES)), max_size=8)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    start=st.dictionaries(_NAMES, st.tuples(_BYTES, st.sampled_from([0o644, 0o755, 0o600]))),
    edits=_EDITS,
    split=st.integers(0, 8),
)
def test_undo_after_edit_is_the_identity(
    tmp_path: Path,
    start: dict[str, tuple[bytes, int]],
    edits: list[tuple[str, bytes | None]],
    split: int,
) -> None:
    root = tmp_path / "property"
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(paths.state_dir(), ignore_errors=True)
    root.mkdir()
    for name, (data, mode) in start.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        (root / name).chmod(mode)
    before = tree(root)
    with Checkpoint(Workspace(root), "s") as checkpoint:
        for number, (name, data) in enumerate(edits):
            if number == split:
                checkpoint.rollback_to(0)
                assert tree(root) == before
            if data is None:
                checkpoint.remove(name)
            else:
                checkpoint.write(name, data)
    edited = tree(root)
    if edited == before:
        return
    report = undo(root)
    assert tree(root) == before
    assert not report.conflicts
    undo(root, report.undo_session)
    assert {name: data for name, (data, _) in tree(root).items()} == {
        name: data for name, (data, _) in edited.items()
    }


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
