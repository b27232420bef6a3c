from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from article_session import session_start
from e2e_helpers import MEND, MENDED, Home, script
from hotloop import paths
from hotloop.config import Config
from hotloop.ledger.events import Outcome
from hotloop.ledger.fold import Summary
from hotloop.ledger.store import Ledger
from hotloop.sim.server import serving
from hotloop.ui.tidying import tidy_up
from hotloop.workspace import journal
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.prune import prune
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import scratch_dir
from hotloop.workspace.tags import read_tags, tags_files
from hotloop.workspace.undo import undo

DAY_S = 86_400


@pytest.fixture(autouse=True)
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    return root


def aged(folder: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


def left(repo: Path, session: str, days: float) -> None:
    """Leave what a session leaves that ended some days ago."""
    with Checkpoint(Workspace(repo), session) as checkpoint:
        checkpoint.write("a.txt", session.encode())
    output = paths.state_dir() / "outputs" / session
    output.mkdir(parents=True)
    (output / "test-1.txt").write_text("out")
    for folder in (output, journal.journal_path(session).parent):
        aged(folder, days)


def sessions() -> set[str]:
    state = paths.state_dir()
    found = [*(state / "checkpoints").iterdir(), *(state / "outputs").iterdir()]
    return {path.name for path in found if path.name != ".open"}


def test_old_leftovers_go_and_others_stay(repo: Path) -> None:
    left(repo, "s-old", 31)
    left(repo, "s-new", 29)
    assert prune(()) == ["s-old"]
    assert sessions() == {"s-new"}
    assert journal.unfinished() == []
    assert undo(repo, "s-new").restored == ["a.txt"]


def test_no_more_than_the_newest_are_kept(repo: Path) -> None:
    for number in range(6):
        left(repo, f"s-{number}", 6 - number)
    assert prune((), keep_sessions=2) == ["s-3", "s-2", "s-1", "s-0"]
    assert sessions() == {"s-4", "s-5"}
    assert prune((), keep_sessions=2) == []


def test_what_runs_is_left_alone(repo: Path) -> None:
    left(repo, "s-idle", 90)
    with Checkpoint(Workspace(repo), "s-locked") as checkpoint:
        checkpoint.write("b.txt", b"b")
        aged(journal.journal_path("s-locked").parent, 90)
        assert prune({"s-idle"}) == []
        assert sessions() == {"s-idle", "s-locked"}
    aged(journal.journal_path("s-locked").parent, 90)
    assert set(prune(())) == {"s-idle", "s-locked"}
    assert sessions() == set()


def test_a_locked_journal_is_left_alone_though_its_marker_is_gone(repo: Path) -> None:
    with Checkpoint(Workspace(repo), "s-1") as checkpoint:
        checkpoint.write("b.txt", b"b")
        aged(journal.journal_path("s-1").parent, 90)
        journal.forget_marker("s-1")
        assert prune(()) == []
        assert journal.read_journal("s-1")


def test_a_session_that_broke_off_is_left_alone(repo: Path) -> None:
    left(repo, "s-broken", 400)
    (paths.state_dir() / "checkpoints" / ".open" / "s-broken").touch()
    assert prune((), keep_sessions=1) == []
    assert sessions() == {"s-broken"}


def test_an_undone_session_goes_with_its_undoing_or_not_at_all(repo: Path) -> None:
    left(repo, "s-1", 90)
    again = undo(repo, "s-1", force=True).undo_session
    assert prune(()) == []  # it was undone today
    for name in ("s-1", again):
        aged(journal.journal_path(name).parent, 90)
    assert prune(()) == ["s-1", again]


def test_caches_go_when_no_kept_session_is_of_their_workspace(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    left(repo, "s-new", 1)
    for root, days in ((repo, 90), (tmp_path / "gone", 90), (tmp_path, 1)):
        (scratch_dir(root) / "go-build").mkdir(parents=True)
        aged(scratch_dir(root), days)
    prune({"s-elsewhere"})
    assert scratch_dir(tmp_path / "gone").is_dir()
    prune(())
    assert scratch_dir(repo).is_dir()
    assert scratch_dir(tmp_path).is_dir()
    assert not scratch_dir(tmp_path / "gone").exists()


def test_links_are_not_followed(repo: Path, tmp_path: Path) -> None:
    left(repo, "s-old", 90)
    outputs = paths.state_dir() / "outputs"
    (outputs / "s-old" / "link").symlink_to(tmp_path / "repo")
    (outputs / "s-link").symlink_to(tmp_path / "repo")
    aged(outputs / "s-old", 90)
    prune((), now=time.time() + 400 * DAY_S)
    assert (tmp_path / "repo" / "a.txt").is_file()


def test_nothing_to_prune_is_no_fault() -> None:
    assert prune(()) == []


def test_the_ledger_knows_what_runs() -> None:
    ledger = Ledger()
    for name in ("s-ended", "s-mine"):
        ledger.sink(name)(session_start(name))
    ledger.sink("s-ended")(Summary().session_end(Outcome.SOLVED, "s-ended", 1.0))
    assert ledger.running() == {"s-mine"}
    ledger.close()
    assert Ledger().running() == set()


def test_a_session_on_another_machine_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "elsewhere")
        ledger.sink("s-there")(session_start("s-there"))
        ledger.flush()
    assert ledger.running() == {"s-there"}


def test_the_settings_say_how_much_is_kept(repo: Path) -> None:
    left(repo, "s-1", 3)
    left(repo, "s-2", 2)
    thread = tidy_up(Config(keep_days=2.5))
    assert thread is not None
    thread.join()
    assert sessions() == {"s-2"}
    assert tidy_up(Config(keep_days=0.1)) is None  # not twice within the hour
    assert sessions() == {"s-2"}


def test_a_session_tidies_up_at_its_end_and_can_be_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "e2e")
    monkeypatch.setenv("HOTLOOP_HOME", str(home.folder))
    left(home.repo, "s-old", 31)
    left(home.repo, "s-new", 1)
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url)
    assert (ended.status, ended.err) == (0, "")
    assert sessions() == {"s-new", ended.end["session"]}
    assert (home.repo / "calc.py").read_text() == MENDED
    assert home.call("undo", "--repo", str(home.repo)).status == 0
    assert "a - b" in (home.repo / "calc.py").read_text()
    home.assert_alone()


def test_what_is_known_of_source_files_goes_when_it_is_old(repo: Path) -> None:
    for name in ("old", "new"):
        root = repo / name
        root.mkdir()
        (root / "a.py").write_text("def f(): ...\n")
        assert read_tags(root, ["a.py"], time.monotonic() + 60)
        if name == "old":
            (old,) = tags_files()
            aged(old.parent, 40)
    prune(())
    (new,) = tags_files()
    assert new != old
