from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from changes_kit import tree
from hotloop import paths
from hotloop.errors import ToolError, UsageError
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.undo import recover, session_diff, undo


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


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
