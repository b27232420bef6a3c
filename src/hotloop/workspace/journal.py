"""What a session did to the workspace, on disk before it is done: the basis of undo.

One folder per session under `checkpoints/`, with one JSON record per line. A record is synced
before the workspace is touched; a torn last line therefore stands for nothing that happened.
The file is locked while its session lives, and a marker under `.open/` names the sessions that
have not ended in good order, so that a start need not look at all of them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import time
from pathlib import Path

import msgspec

from hotloop import paths
from hotloop.errors import EnvironmentFault, HotloopError, ToolError, UsageError

_SESSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Snapshot(msgspec.Struct, frozen=True):
    """A file at one moment: its bytes (None where there was no file) and its mode."""

    data: bytes | None = None
    mode: int | None = None


class Opened(msgspec.Struct, frozen=True, tag="open"):
    """First record: which session, on which workspace, since when (Unix seconds)."""

    root: str
    session: str
    started_at: float


class Intent(msgspec.Struct, frozen=True, tag="write"):
    """A file is about to be replaced through `temp`, or removed (`temp` is "").

    `after` is the SHA-256 of its coming content, "" for none. `original` comes with the first
    change of a file only. `folders` are those that have to be made for it.
    """

    path: str
    temp: str
    after: str
    original: Snapshot | None = None
    folders: tuple[str, ...] = ()


class Undone(msgspec.Struct, frozen=True, tag="undone"):
    """The session was undone by another one, or (`undone` false) that one was undone itself."""

    by: str
    undone: bool = True


Record = Opened | Intent | Undone


class Journal:
    """The open, locked journal of one session."""

    def __init__(self, session: str, descriptor: int, size_bytes: int) -> None:
        self.session = session
        self._descriptor = descriptor
        self._size = size_bytes

    @classmethod
    def create(cls, session: str, root: Path) -> Journal:
        """Start a session's journal, or go on with it.

        Raises UsageError while another process has it, ToolError or EnvironmentFault (full
        disk) when it cannot be written.
        """
        file = journal_path(session)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            journal = cls._locked(session, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise write_fault(file, error) from error
        if journal._size == 0:
            journal.append(Opened(str(root), session, time.time()))
            _sync_folder(file.parent)
        return journal

    @classmethod
    def reopen(cls, session: str) -> Journal:
        """Lock an ended session's journal. Raises UsageError while the session still runs."""
        return cls._locked(session, os.O_RDWR)

    @classmethod
    def _locked(cls, session: str, flags: int) -> Journal:
        descriptor = os.open(journal_path(session), flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise UsageError(f"session {session} is still running", "stop it first") from error
        _marker(session).parent.mkdir(exist_ok=True)
        _marker(session).touch()
        data = journal_path(session).read_bytes()
        return cls(session, descriptor, data.rfind(b"\n") + 1)

    def append(self, record: Record) -> None:
        """Write and sync a record. Raises EnvironmentFault on a full disk; nothing is kept then."""
        line = msgspec.json.encode(record) + b"\n"
        try:
            os.ftruncate(self._descriptor, self._size)
            done = 0
            while done < len(line):
                done += os.pwrite(self._descriptor, line[done:], self._size + done)
            os.fsync(self._descriptor)
        except OSError as error:
            raise write_fault(journal_path(self.session), error) from error
        self._size += len(line)

    def close(self) -> None:
        """Release the journal; its session has ended in good order."""
        with contextlib.suppress(FileNotFoundError):
            _marker(self.session).unlink()
        os.close(self._descriptor)


def write_fault(path: Path | str, error: OSError) -> HotloopError:
    """Return the error for a failed write: EnvironmentFault for a full disk, else ToolError."""
    if error.errno in _DISK_FULL:
        return EnvironmentFault(
            f"the disk is full: cannot write {path}", "free disk space; the file is as it was"
        )
    return ToolError(f"cannot write {path}: {error.strerror or error}", "check its permissions")


def journal_path(session: str) -> Path:
    """Return where a session's journal is. Raises UsageError for an impossible session name."""
    if not _SESSION_NAME.fullmatch(session):
        raise UsageError(f"{session!r} is no session id", "see `hotloop trace list`")
    return _folder() / session / "journal.jsonl"


def read_journal(session: str) -> list[Record]:
    """Return a session's records, [] where it changed nothing.

    Raises EnvironmentFault for a damaged journal.
    """
    try:
        data = journal_path(session).read_bytes()
    except FileNotFoundError:
        return []
    try:
        return [msgspec.json.decode(line, type=Record) for line in data.split(b"\n")[:-1]]
    except msgspec.DecodeError as error:
        raise EnvironmentFault(
            f"the journal {journal_path(session)} is damaged: {error}",
            "restore the files by hand: the records hold them in base64",
        ) from error


def originals(records: list[Record]) -> dict[str, Snapshot]:
    """Return what every file of a journal was before the session changed it."""
    intents = [record for record in records if isinstance(record, Intent)]
    return {record.path: record.original for record in intents if record.original is not None}


def sessions_of(root: Path) -> list[str]:
    """Return the sessions that changed the workspace `root`, newest first."""
    found: list[tuple[float, str]] = []
    for journal in _folder().glob("*/journal.jsonl"):
        with contextlib.suppress(msgspec.DecodeError), journal.open("rb") as file:
            opened = msgspec.json.decode(file.readline(), type=Record)
            if isinstance(opened, Opened) and opened.root == str(root):
                found.append((opened.started_at, opened.session))
    return [session for _, session in sorted(found, reverse=True)]


def unfinished() -> list[str]:
    """Return the sessions that still run or broke off."""
    markers = _folder() / ".open"
    return sorted(marker.name for marker in markers.iterdir()) if markers.is_dir() else []


def remove(session: str) -> bool:
    """Remove an ended session's journal, locked meanwhile; False while it is in use.

    True also where there is none.
    """
    import shutil

    file = journal_path(session)
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:  # somebody else's
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(file.parent, ignore_errors=True)
    except OSError:  # it runs, or is being undone
        return False
    finally:
        os.close(descriptor)
    return True


def forget_marker(session: str) -> None:
    """Drop the marker of a session that broke off before it had a journal."""
    _marker(session).unlink(missing_ok=True)


def _folder() -> Path:
    return paths.state_dir() / "checkpoints"


def _marker(session: str) -> Path:
    return journal_path(session).parent.parent / ".open" / session


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
