"""Every event of every session, in one SQLite file that outlives crashes.

Events are stored by a thread of its own, a few milliseconds after they happened; the loop never
waits for the disk and never sees it fail.
"""

from __future__ import annotations

import difflib
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from hotloop import paths
from hotloop.errors import UsageError
from hotloop.ledger.drain import Drain
from hotloop.ledger.events import AnyEvent, Emit, Event, Note
from hotloop.ledger.schema import open_reader, unreadable
from hotloop.ledger.writer import Record, Writer

_COLUMNS = """session, started_at, goal, repo, backend, model, budget_s, model_calls, model_wait_s,
    input_tokens, cached_tokens, output_tokens, outcome, host, pid,
    coalesce(wall_s, (SELECT max(t_s) FROM events WHERE events.session = sessions.session), 0)
    AS wall_s"""


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One session in a list. The counts are None until it has ended.

    `status` is its outcome, `running`, or `interrupted` where its process is gone without one.
    """

    session: str
    started_at: float
    status: str
    goal: str
    repo: str
    backend: str
    model: str
    wall_s: float
    budget_s: float | None
    model_calls: int | None
    model_wait_s: float | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None


class Ledger:
    """The store of events, by default `ledger.db` in hotloop's data folder.

    Several processes may write at once. Nothing is opened before the first event or question.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.data_dir() / "ledger.db"
        self._writer = Writer(self.path)
        self._drain: Drain[Record] | None = None

    def sink(self, session: str) -> Emit:
        """Return a sink that stores the events of a session. It takes microseconds, never raises.

        Secrets are taken out before an event is stored; pieces of one answer are put together.
        """
        drain = self._drain = self._drain or Drain("hotloop-ledger", self._writer)

        def emit(event: Event) -> None:
            drain.put(Record(session, event))

        return emit

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all events so far are stored, or could not be; False if it took too long."""
        return self._drain is None or self._drain.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> list[Note]:
        """Store the rest and end the thread. Return what the user should know, mostly nothing:
        a damaged file was moved aside, or events are not stored (disk full, locked, read-only).
        """
        drain, self._drain = self._drain, None
        if drain is None:
            return []
        in_time = drain.close(timeout_s)
        notes, self._writer.notes = self._writer.notes, []
        if not in_time or drain.failure is not None:
            cause = repr(drain.failure) if drain.failure else f"not done after {timeout_s:.0f} s"
            text = f"the ledger {self.path} may miss the end of this session: {cause}"
            notes.append(Note(t_s=0.0, level="warning", text=text))
        return notes

    def sessions(self, limit: int = 20) -> list[SessionRow]:
        """Return the newest sessions, newest first. Raises EnvironmentFault if unreadable."""
        self.flush()
        if not self.path.exists():
            return []
        query = f"SELECT {_COLUMNS} FROM sessions ORDER BY started_at DESC, rowid DESC LIMIT ?"
        return [_session_row(row) for row in self._ask(query, limit)]

    def running(self) -> set[str]:
        """Return the sessions that run, or may: of those on other machines that is not known.

        Raises EnvironmentFault if unreadable.
        """
        self.flush()
        query = "SELECT session, host, pid FROM sessions WHERE outcome IS NULL AND pid IS NOT NULL"
        return {
            row["session"]
            for row in self._ask(query)
            if row["host"] != socket.gethostname() or _is_running(row["host"], row["pid"])
        }

    def session(self, session: str | None = None) -> SessionRow:
        """Return one session: the latest, or the one whose name begins with `session`.

        Raises UsageError, naming near ones, where none or several do.
        """
        if session is None:
            latest = self.sessions(1)
            if not latest:
                raise UsageError("no session is recorded yet", "run one: hotloop run GOAL")
            return latest[0]
        name = self._resolve(session)
        query = f"SELECT {_COLUMNS} FROM sessions WHERE session = ?"
        return _session_row(self._ask(query, name)[0])

    def load(self, session: str | None = None) -> list[AnyEvent]:
        """Return the events of one session in order; `session` as for `session()`.

        An event this version does not know becomes a warning in its place.
        """
        name = self.session(session).session
        query = "SELECT t_s, type, json FROM events WHERE session = ? ORDER BY seq"
        return [_event(row) for row in self._ask(query, name)]

    def _resolve(self, prefix: str) -> str:
        self.flush()
        rows = self._ask("SELECT session FROM sessions ORDER BY started_at DESC, rowid DESC")
        known: list[str] = [row["session"] for row in rows]
        if prefix in known:
            return prefix
        found = [name for name in known if name.startswith(prefix)]
        match found:
            case [name]:
                return name
            case []:
                near = difflib.get_close_matches(prefix, known, n=3, cutoff=0.4) or known[:3]
                raise UsageError(
                    f"no session begins with {prefix!r}",
                    f"near ones: {', '.join(near)}" if near else "run one: hotloop run GOAL",
                )
            case _:
                raise UsageError(
                    f"{len(found)} sessions begin with {prefix!r}",
                    f"give more of the name: {', '.join(found[:5])}",
                )

    def _ask(self, query: str, *values: object) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        import sqlite3

        try:
            database = open_reader(self.path)
            if database is None:
                return []
            with closing(database):
                database.row_factory = sqlite3.Row
                return [dict(row) for row in database.execute(query, values)]
        except sqlite3.Error as error:
            raise unreadable(self.path, error) from error


def _event(row: dict[str, Any]) -> AnyEvent:
    try:
        return msgspec.json.decode(row["json"], type=AnyEvent)
    except msgspec.DecodeError as error:
        text = f"an event of type {row['type']} cannot be read by this version: {error}"
        return Note(t_s=row["t_s"], level="warning", text=text)


def _session_row(row: dict[str, Any]) -> SessionRow:
    running = _is_running(row.pop("host"), row.pop("pid"))
    status = row.pop("outcome") or ("running" if running else "interrupted")
    return SessionRow(**row, status=status)


def _is_running(host: str, pid: int | None) -> bool:
    if pid is None or host != socket.gethostname() or os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process: it lives
        return True
    return True
