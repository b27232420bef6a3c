from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from article_session import article_events, session_start
from hotloop.errors import EnvironmentFault
from hotloop.ledger import schema
from hotloop.ledger.store import Ledger
from ledger_kit import child, note, store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path))
    return tmp_path


def test_a_file_that_is_no_database_is_moved_aside() -> None:
    path = Ledger().path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database, but dear to somebody " * 100)
    (warning,) = store([session_start("s-1"), note(1)])
    assert "damaged" in warning.text
    (aside,) = path.parent.glob("ledger.db.damaged-*")
    assert str(aside) in warning.text
    assert aside.read_bytes().startswith(b"not a database")
    assert len(Ledger().load()) == 2


def test_a_database_with_broken_pages_is_moved_aside() -> None:
    store([note(i, "x" * 1000) for i in range(200)])
    path = Ledger().path
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    (warning,) = store([note(1)], "s-2")
    assert "damaged" in warning.text
    assert [row.session for row in Ledger().sessions()] == ["s-2"]


def test_reading_a_damaged_ledger_names_the_next_step() -> None:
    path = Ledger().path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(EnvironmentFault, match="cannot be read") as caught:
        Ledger().load()
    assert "move it away" in caught.value.next_step


def test_a_folder_that_cannot_be_made_is_a_warning_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (warning,) = store([note(0), note(1)], path=tmp_path / "file" / "ledger.db")
    assert warning.level == "warning"
    assert "2 events" in warning.text
    assert str(tmp_path / "file") in warning.text


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def _as_nobody(path: Path, results: multiprocessing.Queue[tuple[list[str], int]]) -> None:
    if os.getuid() == 0:
        os.setuid(65534)
    notes = store([note(0)], path=path)
    results.put(([one.text for one in notes], len(Ledger(path).sessions())))


def test_a_read_only_folder_is_a_warning_and_stays_readable(open_folder: Path) -> None:
    path = open_folder / "ledger.db"
    store([note(0)], "s-old", path=path)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[tuple[list[str], int]] = context.Queue()
    process = context.Process(target=_as_nobody, args=(path, results))
    process.start()
    texts, sessions = results.get(timeout=30)
    process.join(30)
    assert len(texts) == 1
    assert "Permission denied" in texts[0]
    assert sessions == 1


def test_a_disk_that_fills_up_costs_events_but_not_the_session() -> None:
    code = (
        "import resource, time\n"
        "ledger = Ledger(); emit = ledger.sink('s-full')\n"
        "emit(Note(t_s=0, level='info', text='first')); ledger.flush()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "for i in range(400): emit(Note(t_s=i, level='info', text='x' * 2000))\n"
        "for note in ledger.close(): print(note.text)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    output, _ = child(code).communicate(timeout=60)
    assert "400 events of this session are not in the ledger" in output
    first, *_ = Ledger().load("s-full")
    assert first == note(0, "first")


def test_a_locked_ledger_is_written_once_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 20)
    store([note(0)], "s-0")
    ledger = Ledger()
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.sink("s-1")(note(1))
        ledger.flush()
        assert [row.session for row in Ledger().sessions()] == ["s-0"]
        other.execute("ROLLBACK")
    assert ledger.close() == []
    assert Ledger().load("s-1") == [note(1)]


def test_a_ledger_locked_for_good_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 20)
    store([note(0)], "s-0")
    with closing(sqlite3.connect(Ledger().path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (warning,) = store([note(1)], "s-1")
    assert "1 events" in warning.text
    assert "locked" in warning.text


def test_a_ledger_of_a_later_version_is_left_alone() -> None:
    store([note(0)], "s-0")
    path = Ledger().path
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    (warning,) = store([note(1)], "s-1")
    assert "format 99" in warning.text
    with pytest.raises(EnvironmentFault, match="format 99"):
        Ledger().sessions()


def test_an_older_ledger_is_brought_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    store([note(0)], "s-0")
    later = (*schema.MIGRATIONS, ("ALTER TABLE sessions ADD COLUMN mood TEXT",))
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    assert store([note(1)], "s-1") == []
    assert {row.session for row in Ledger().sessions()} == {"s-0", "s-1"}
    with closing(sqlite3.connect(Ledger().path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(later),)
        database.execute("SELECT mood FROM sessions")


def test_status_and_counts_of_sessions() -> None:
    store(article_events("s-done"), "s-done")
    store([session_start("s-left"), note(3)], "s-left")
    rows = {row.session: row for row in Ledger().sessions()}
    assert rows["s-done"].status == "solved"
    assert rows["s-done"].model_calls == 9
    assert (rows["s-left"].status, rows["s-left"].wall_s) == ("interrupted", 3)
    assert rows["s-left"].model_calls is None
