"""The ledger's writing side: gathers events, stores them in batches, survives a bad disk.

Everything here runs on the ledger's own thread; sqlite3 is imported there too.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hotloop.errors import EnvironmentFault
from hotloop.ledger.events import Event, Note, SessionEnd, SessionStart
from hotloop.ledger.schema import open_writer
from hotloop.ledger.wire import DeltaBuffer, encode

if TYPE_CHECKING:
    import sqlite3

LINGER_S = 0.05
RETRY_S = 0.25
PENDING_EVENTS = 100_000

_STARTED = """INSERT INTO sessions
    (session, started_at, goal, repo, backend, model, dialect, version, budget_s, host, pid)
    VALUES (:session, :started_at, :goal, :repo, :backend, :model, :dialect, :version, :budget_s,
            :host, :pid)
    ON CONFLICT (session) DO UPDATE SET goal = :goal, repo = :repo, backend = :backend,
        model = :model, dialect = :dialect, version = :version, budget_s = :budget_s,
        host = :host, pid = :pid, outcome = NULL, wall_s = NULL"""
_KNOWN = "INSERT OR IGNORE INTO sessions (session, started_at, host, pid) VALUES (?, ?, ?, ?)"
_ENDED = """UPDATE sessions SET outcome = :outcome, wall_s = :wall_s, model_calls = :model_calls,
    model_wait_s = :model_wait_s, input_tokens = :input_tokens, cached_tokens = :cached_tokens,
    output_tokens = :output_tokens, pid = NULL WHERE session = :session"""
_EVENT = """INSERT INTO events (session, seq, t_s, type, json)
    VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE session = ?1), ?2, ?3, ?4)"""
_LEFT = "UPDATE sessions SET pid = NULL WHERE session = ? AND pid = ?"


class Record(msgspec.Struct, frozen=True):
    """An event of a session, on its way to the database."""

    session: str
    event: Event


class Writer:
    """Stores records. What cannot be stored now is kept and tried again with the next batch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[Note] = []
        self.pending: list[Record] = []
        self.failure = ""
        self._lost = 0
        self._last_t_s = 0.0
        self._database: sqlite3.Connection | None = None
        self._deltas: dict[str, DeltaBuffer] = {}
        self._released = 0.0
        self._moved_aside = False

    def work(self, batch: list[Record], flush: bool) -> float | None:
        """Take a batch and store what is ready; return when to be called again, in seconds."""
        for record in batch:
            self._gather(record)
        now = time.monotonic()
        if flush or now - self._released >= LINGER_S:
            self._released = now
            self._release(all_of_it=flush)
        self._store()
        if self.pending:
            return RETRY_S
        return LINGER_S if batch and any(self._deltas.values()) else None

    def finish(self) -> None:
        """Say what was lost, mark this process's open sessions as left, close the database."""
        if self.pending or self._lost:
            self._note(
                f"{len(self.pending) + self._lost} events of this session are not in the ledger "
                f"{self.path}: {self.failure or 'unknown cause'}"
            )
        if self._database is None:
            return
        import sqlite3

        try:
            if not self.pending:
                left = [(session, os.getpid()) for session in self._deltas]
                self._database.executemany(_LEFT, left)
            self._database.close()
            self._database = None
        except sqlite3.Error as error:
            self._note(f"the ledger {self.path} did not close cleanly: {error}")

    def _gather(self, record: Record) -> None:
        self._last_t_s = record.event.t_s
        deltas = self._deltas.setdefault(record.session, DeltaBuffer())
        self._keep(record.session, deltas.add(record.event))

    def _release(self, *, all_of_it: bool) -> None:
        for session, deltas in self._deltas.items():
            self._keep(session, deltas.release(all_of_it=all_of_it))

    def _keep(self, session: str, events: list[Event]) -> None:
        room = max(0, PENDING_EVENTS - len(self.pending))
        self._lost += max(0, len(events) - room)
        self.pending.extend(Record(session, event) for event in events[:room])

    def _store(self) -> None:
        if not self.pending:
            return
        import sqlite3

        try:
            self._write()
        except sqlite3.DatabaseError as error:
            self.failure = str(error)
            if _is_damaged(error) and self._move_aside():
                self._store()
        except (OSError, EnvironmentFault) as error:
            self.failure = str(error)

    def _write(self) -> None:
        if self._database is None:
            self._database = open_writer(self.path)
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for record in self.pending:
                _insert(database, record)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self.pending.clear()

    def _move_aside(self) -> bool:
        """Put a damaged database out of the way, once, so that a new one can begin."""
        if self._moved_aside:
            return False
        self._moved_aside = True
        if self._database is not None:
            self._database.close()
            self._database = None
        if _is_whole(self.path):  # another process was quicker
            return True
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        self._note(f"the ledger was damaged ({self.failure}); it is now {aside}, a new one began")
        return True

    def _note(self, text: str) -> None:
        self.notes.append(Note(t_s=self._last_t_s, level="warning", text=text))


def _is_damaged(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_NOTADB" or name.startswith("SQLITE_CORRUPT")


def _is_whole(path: Path) -> bool:
    import sqlite3

    try:
        with closing(open_writer(path)) as database:
            return database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        return False


def _insert(database: sqlite3.Connection, record: Record) -> None:
    event = record.event
    encoded = encode(event)
    process = {"host": socket.gethostname(), "pid": os.getpid()}
    if isinstance(event, SessionStart):
        clean: dict[str, object] = msgspec.json.decode(encoded)
        database.execute(_STARTED, {**clean, **process, "session": record.session})
    else:
        database.execute(_KNOWN, (record.session, time.time(), *process.values()))
    if isinstance(event, SessionEnd):
        values = msgspec.to_builtins(event)
        database.execute(_ENDED, {**values, "session": record.session})
    tag = str(event.__struct_config__.tag)
    database.execute(_EVENT, (record.session, event.t_s, tag, encoded.decode()))
