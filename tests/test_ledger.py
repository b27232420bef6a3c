from __future__ import annotations

import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from article_session import article_events, session_start
from hotloop.errors import UsageError
from hotloop.ledger.events import ActionParsed, CallDelta, Event, Note
from hotloop.ledger.store import Ledger
from hotloop.ledger.wire import encode
from ledger_kit import child, note, store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path))
    return tmp_path


def test_what_is_emitted_is_loaded_again_in_order() -> None:
    events = article_events()
    assert store(events, "s-article") == []
    whole = [event for event in events if not isinstance(event, CallDelta)]
    loaded = Ledger().load("s-article")
    assert [event for event in loaded if not isinstance(event, CallDelta)] == whole


def test_pieces_of_an_answer_are_put_together_before_what_follows_them() -> None:
    pieces = [CallDelta(t_s=i, call=1, channel="text", text=f"word{i} ") for i in range(50)]
    parsed = ActionParsed(t_s=50, call=1, action="a", tool="read", args="{}")
    store([*pieces, parsed])
    *deltas, last = Ledger().load()
    assert last == parsed
    texts = [event.text for event in deltas if isinstance(event, CallDelta)]
    assert "".join(texts) == "".join(piece.text for piece in pieces)
    assert len(texts) < len(pieces)


def test_the_ledger_costs_nothing_to_import_or_make() -> None:
    code = (
        "import sys, hotloop.ledger.store as store, hotloop.ui.terminal, hotloop.ui.jsonl\n"
        "store.Ledger()\n"
        "print([name for name in ('sqlite3', 'rich', 'asyncio', 'ssl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_emitting_is_a_small_part_of_the_cost_of_storing(tmp_path: Path) -> None:
    events = [note(i, "x" * 200) for i in range(300)]
    ledger = Ledger()
    emit = ledger.sink("s-1")

    def direct(event: Event) -> None:
        with database:
            database.execute("INSERT INTO t VALUES (?)", (encode(event),))

    def median_s(sink: Callable[[Event], None]) -> float:
        times: list[float] = []
        for event in events:
            began = time.perf_counter()
            sink(event)
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    with closing(sqlite3.connect(tmp_path / "direct.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("CREATE TABLE t (json TEXT)")
        direct_s = median_s(direct)
    assert median_s(emit) < direct_s / 3
    ledger.close()


def test_two_processes_write_at_once() -> None:
    code = (
        "ledger = Ledger(); emit = ledger.sink(sys.argv[1])\n"
        "for i in range(400):\n"
        "    emit(Note(t_s=i, level='info', text=str(i)))\n"
        "    if i % 20 == 0: ledger.flush()\n"
        "print(ledger.close())\n"
    )
    children = [child(code, name) for name in ("s-a", "s-b")]
    assert [process.communicate(timeout=60)[0].strip() for process in children] == ["[]", "[]"]
    for name in ("s-a", "s-b"):
        texts = [event.text for event in Ledger().load(name) if isinstance(event, Note)]
        assert texts == [str(i) for i in range(400)]


def test_events_are_stored_without_flush_and_survive_kill_9() -> None:
    code = (
        "emit = Ledger().sink('s-killed')\n"
        "for i in range(100): emit(Note(t_s=i, level='info', text=str(i)))\n"
        "sys.stdin.read()\n"
    )
    process = child(code)
    deadline = time.monotonic() + 30
    ledger = Ledger()
    while not (rows := ledger.sessions()) or len(ledger.load()) < 100:
        assert time.monotonic() < deadline, "the events never reached the disk"
    assert rows[0].status == "running"
    process.kill()
    process.communicate(timeout=10)
    assert [event.t_s for event in ledger.load("s-killed")] == list(range(100))
    assert ledger.session().status == "interrupted"


def test_kill_9_in_the_middle_of_writing_leaves_a_sound_ledger() -> None:
    code = (
        "import itertools\nledger = Ledger(); emit = ledger.sink('s-killed')\n"
        "for i in itertools.count():\n"
        "    emit(Note(t_s=i, level='info', text='x' * 500))\n"
        "    if i % 50 == 0: ledger.flush()\n"
        "    if i == 500: print('go', flush=True)\n"
    )
    process = child(code)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    times = [event.t_s for event in Ledger().load("s-killed")]
    assert len(times) > 500
    assert times == list(range(len(times)))
    assert store([note(0)], "s-next") == []
    assert len(Ledger().load("s-next")) == 1


def test_a_resumed_session_goes_on_in_its_place() -> None:
    store([session_start("s-1"), note(1)])
    store([note(2), note(3)])
    assert [event.t_s for event in Ledger().load("s-1")] == [0, 1, 2, 3]


def test_views_answer_questions_in_sql() -> None:
    store(article_events("s-done"), "s-done")
    with closing(sqlite3.connect(Ledger().path)) as database:
        by_kind = dict(
            database.execute("SELECT kind, count(*) FROM steps GROUP BY kind").fetchall()
        )
        tokens = database.execute("SELECT sum(output_tokens) FROM calls").fetchone()
        tools = database.execute("SELECT count(*) FROM tools WHERE ok").fetchone()
    assert by_kind["tool_calls"] == 5
    assert (tokens, tools) == ((1120,), (6,))


def test_sessions_are_found_by_the_beginning_of_their_name() -> None:
    for name in ("s-apple", "s-apricot", "s-plum"):
        store([note(0)], name)
    assert Ledger().session("s-pl").session == "s-plum"
    assert Ledger().session().session == "s-plum"
    with pytest.raises(UsageError, match="2 sessions begin with 's-ap'") as caught:
        Ledger().load("s-ap")
    assert "s-apricot" in caught.value.next_step
    with pytest.raises(UsageError, match="no session begins") as caught:
        Ledger().load("s-plan")
    assert "s-plum" in caught.value.next_step


def test_without_any_session_the_next_step_is_to_run_one() -> None:
    assert Ledger().sessions() == []
    with pytest.raises(UsageError, match="no session is recorded yet"):
        Ledger().load()
    with pytest.raises(UsageError, match="no session begins"):
        Ledger().load("s-1")


def test_an_event_of_a_later_version_becomes_a_warning() -> None:
    store([note(0), note(1)])
    with closing(sqlite3.connect(Ledger().path)) as database, database:
        database.execute(
            "UPDATE events SET type = 'dream', json = ? WHERE seq = 1",
            ['{"type":"dream","t_s":0.0}'],
        )
    first, second = Ledger().load()
    assert isinstance(first, Note)
    assert first.level == "warning"
    assert "dream" in first.text
    assert second == note(1)
