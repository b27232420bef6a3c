from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import stat
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from article_session import article_events, session_start
from hotloop.errors import EnvironmentFault, UsageError
from hotloop.ledger import schema
from hotloop.ledger.events import ActionParsed, CallDelta, Event, Note
from hotloop.ledger.redact import Redactor, split_open
from hotloop.ledger.store import Ledger
from hotloop.ledger.wire import DeltaBuffer, encode

KEY = "sk-" + "proj-Zx81" * 5
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE1x+Q/\nab0=\n-----END RSA PRIVATE KEY-----"
SECRETS = {
    "openai": KEY,
    "bearer": "Bearer abcdefghijklmnop.qrst",
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "aws secret": "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG" + "bPxRfiCYzEXAMPLEKEY",
    "github": "ghp_" + "a1" * 18,
    "pem": PEM,
    "jwt": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSM",
    "url": "https://user:hunter2@example.org/x",
    "assigned": "api_key='0123456789abcdef0123'",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path))
    return tmp_path


def note(t_s: float, text: str = "hello") -> Note:
    return Note(t_s=t_s, level="info", text=text)


def store(events: list[Event], session: str = "s-1", path: Path | None = None) -> list[Note]:
    ledger = Ledger(path)
    emit = ledger.sink(session)
    for event in events:
        emit(event)
    return ledger.close()


def child(code: str, *args: str) -> subprocess.Popen[str]:
    prelude = (
        "import sys\nfrom hotloop.ledger.events import *\nfrom hotloop.ledger.store import Ledger\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *args],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def raw(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT json FROM events").fetchall()
        rows += database.execute("SELECT goal FROM sessions").fetchall()
    return "\n".join(row[0] for row in rows)


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


def test_only_the_user_can_read_the_ledger() -> None:
    store([note(0)])
    assert stat.S_IMODE(Ledger().path.stat().st_mode) == 0o600


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_secrets_are_not_stored(secret: str) -> None:
    args = json.dumps({"path": "x", "content": f"first\n{secret}\nlast"})
    store(
        [
            session_start(goal=f"use {secret} now"),
            note(1, f"got {secret}."),
            ActionParsed(t_s=2, call=0, action="a", tool="write", args=args),
        ]
    )
    stored = raw(Ledger().path)
    assert "[redacted:" in stored
    words = [word for word in secret.replace("\n", " ").split() if len(word) > 24]
    for word in words:
        assert word not in stored
    assert "hunter2" not in stored
    assert "MIIE1x" not in stored
    first, *_ = Ledger().load()
    assert str(getattr(first, "goal", "")).startswith("use ")


@pytest.mark.parametrize(
    "text",
    [
        "task-force, sk-learn, sk-fading-circle-container-element",
        "the bearer of bad news",
        "sha256 cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "api_key = os.environ['OPENAI_API_KEY']",
        "https://example.org:8080/a@b",
    ],
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text


def test_values_of_variables_named_like_secrets_are_secrets() -> None:
    redactor = Redactor.from_environment(
        {"MY_API_KEY": "correct-horse-battery", "HOME": "/home/me"}
    )
    event = note(0, "it is correct-horse-battery in /home/me")
    assert msgspec.json.decode(encode(event, redactor))["text"] == (
        "it is [redacted:environment] in /home/me"
    )


@given(
    st.sampled_from(sorted(SECRETS)),
    st.lists(st.integers(0, 120), max_size=8),
    st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_no_cut_of_a_stream_lets_a_secret_through(
    name: str, cuts: list[int], release: list[bool]
) -> None:
    secret = SECRETS[name]
    text = f"so the key is {secret} and that was it"
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    buffer = DeltaBuffer()
    kept: list[Event] = []
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        buffer.add(CallDelta(t_s=number, call=0, channel="text", text=text[start:end]))
        if release[min(number, 8)]:
            kept += buffer.release(all_of_it=False)
    kept += buffer.release(all_of_it=True)
    stored = "".join(msgspec.json.decode(encode(event, Redactor()))["text"] for event in kept)
    assert stored == Redactor().text(text)
    assert stored.startswith("so the key is ")
    assert stored.endswith(" and that was it")


@given(st.text(alphabet=" ab-\n", max_size=60))
def test_splitting_before_an_open_secret_loses_nothing(text: str) -> None:
    ready, held = split_open(text)
    assert ready + held == text


def test_half_a_surrogate_pair_is_stored_as_a_question_mark() -> None:
    assert store([note(0, "bad \ud800 name")]) == []
    assert Ledger().load() == [note(0, "bad ? name")]
