"""The ledger's database: its tables, how an older one is brought forward, how it is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hotloop.errors import EnvironmentFault

if TYPE_CHECKING:
    import sqlite3

BUSY_MS = 2000

# One entry per schema version, each a list of statements. Never change one that was released:
# add the next.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE sessions (
            session TEXT PRIMARY KEY,
            started_at REAL NOT NULL,
            goal TEXT NOT NULL DEFAULT '',
            repo TEXT NOT NULL DEFAULT '',
            backend TEXT NOT NULL DEFAULT '',
            model TEXT NOT NULL DEFAULT '',
            dialect TEXT NOT NULL DEFAULT '',
            version TEXT NOT NULL DEFAULT '',
            budget_s REAL,
            host TEXT NOT NULL DEFAULT '',
            pid INTEGER,
            outcome TEXT,
            wall_s REAL,
            model_calls INTEGER,
            model_wait_s REAL,
            input_tokens INTEGER,
            cached_tokens INTEGER,
            output_tokens INTEGER
        )""",
        "CREATE INDEX sessions_started ON sessions(started_at)",
        """CREATE TABLE events (
            session TEXT NOT NULL,
            seq INTEGER NOT NULL,
            t_s REAL NOT NULL,
            type TEXT NOT NULL,
            json TEXT NOT NULL,
            PRIMARY KEY (session, seq)
        ) WITHOUT ROWID""",
        "CREATE INDEX events_type ON events(type, session)",
        """CREATE VIEW steps AS SELECT session, seq,
            json_extract(json, '$.step') AS step,
            json_extract(json, '$.kind') AS kind,
            json_extract(json, '$.start_s') AS start_s,
            json_extract(json, '$.duration_s') AS duration_s,
            json_extract(json, '$.budget_s') AS budget_s
            FROM events WHERE type = 'step.end'""",
        """CREATE VIEW calls AS SELECT session, seq,
            json_extract(json, '$.call') AS call,
            json_extract(json, '$.step') AS step,
            json_extract(json, '$.purpose') AS purpose,
            json_extract(json, '$.wait_s') AS wait_s,
            json_extract(json, '$.marks.start_s') AS start_s,
            json_extract(json, '$.marks.first_token_s') AS first_token_s,
            json_extract(json, '$.marks.end_s') AS end_s,
            json_extract(json, '$.usage.input_tokens') AS input_tokens,
            json_extract(json, '$.usage.cached_tokens') AS cached_tokens,
            json_extract(json, '$.usage.output_tokens') AS output_tokens,
            json_extract(json, '$.error') AS error
            FROM events WHERE type = 'call.end'""",
        """CREATE VIEW tools AS SELECT session, seq,
            json_extract(json, '$.step') AS step,
            json_extract(json, '$.tool') AS tool,
            json_extract(json, '$.start_s') AS start_s,
            json_extract(json, '$.duration_s') AS duration_s,
            json_extract(json, '$.ok') AS ok
            FROM events WHERE type = 'tool.end'""",
    ),
)


class NewerLedger(EnvironmentFault):
    """The ledger was written by a later version of hotloop."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"the ledger {path} has format {version}; this hotloop knows up to {len(MIGRATIONS)}",
            "update hotloop, or move the file away to begin a new ledger",
        )


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the ledger for writing; create it, or bring its format forward, where needed.

    Only the user can read a new ledger. Raises sqlite3.Error, OSError and NewerLedger.
    """
    import sqlite3

    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        if _version(database) < len(MIGRATIONS):
            database.execute("PRAGMA journal_mode = WAL")
            _migrate(database)
        if (version := _version(database)) > len(MIGRATIONS):
            raise NewerLedger(path, version)
        database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


def open_reader(path: Path) -> sqlite3.Connection | None:
    """Open an existing ledger for reading, also in a folder that cannot be written.

    Return None while it has no tables yet (its first writer is about to make them).
    Raises EnvironmentFault with the next step where it cannot be read.
    """
    import sqlite3

    try:
        try:
            return _checked_reader(path, "mode=rw")
        except sqlite3.OperationalError:
            return _checked_reader(path, "immutable=1")
    except sqlite3.Error as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, failure: sqlite3.Error) -> EnvironmentFault:
    """Return the error for a ledger that cannot be read."""
    return EnvironmentFault(
        f"the ledger {path} cannot be read: {failure}",
        "check the file's permissions and disk; if it is damaged, move it away: "
        "the next run begins a new one",
    )


def _checked_reader(path: Path, query: str) -> sqlite3.Connection | None:
    import sqlite3

    uri = f"{path.absolute().as_uri()}?{query}"
    database = sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000)
    try:
        database.execute("PRAGMA query_only = 1")
        version = _version(database)
        if version > len(MIGRATIONS):
            raise NewerLedger(path, version)
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        database.close()
        raise
    if version == 0:
        database.close()
        return None
    return database


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _migrate(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        for number in range(_version(database), len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {number + 1}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
