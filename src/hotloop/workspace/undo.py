"""Take a session's changes back, and clean up after one that was killed."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec

from hotloop.errors import HotloopError, ToolError, UsageError
from hotloop.workspace import journal
from hotloop.workspace.changes import Checkpoint, digest, remove_folders, snapshot
from hotloop.workspace.diff import unified_diff
from hotloop.workspace.journal import Intent, Journal, Opened, Snapshot, Undone
from hotloop.workspace.root import Workspace

INFIX = ".undo-"
"""Stands between a session's name and the number of its undoing."""


class UndoReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `undo` did. `conflicts` are files left alone because the user changed them since.

    `undo_session` names the record of the undoing itself, "" where nothing was changed.
    """

    session: str
    undo_session: str
    restored: list[str]
    removed: list[str]
    conflicts: list[str]


class _Past(msgspec.Struct):
    """A session's journal, summed up by file."""

    root: str
    originals: dict[str, Snapshot]
    written: dict[str, set[str]]
    folders: list[str]
    undone: bool


def undo(root: Path | str, session: str | None = None, *, force: bool = False) -> UndoReport:
    """Give every file of a session (by default the last not undone) its original content back.

    Files that the session created are removed. A file that holds neither its original nor
    something the session wrote was changed by the user: it is left alone without `force`.
    What undo replaces is itself recorded, so that undoing `undo_session` brings it back.
    Raises UsageError when there is no such session or it still runs.
    """
    workspace = Workspace(root)
    session = session or _last(workspace.root)
    past = _past(session)
    if past.root != str(workspace.root):
        raise UsageError(
            f"session {session} changed nothing in {workspace.root}",
            "see `hotloop trace list`, or name its repository with --repo",
        )
    record = Journal.reopen(session)
    try:
        with Checkpoint(workspace, _undo_name(session)) as checkpoint:
            report = _restore(checkpoint, session, past, force)
        if not report.conflicts:
            _mark_undone(record, checkpoint.session)
        return report
    finally:
        record.close()


def session_diff(root: Path | str, session: str) -> str:
    """Return the unified diff from what a session found to what is there now."""
    return unified_diff(Workspace(root), _past(session).originals)


def recover(root: Path | str) -> list[str]:
    """Remove what sessions killed in the middle of a write left in `root`; return the paths.

    The files themselves need no repair: each is the old or the new one. Sessions that still run
    are left alone. Raises the first fault (a damaged journal, no permission) after all others
    were seen to.
    """
    base = Path(root).resolve()
    removed: list[str] = []
    faults: list[HotloopError] = []
    for session in journal.unfinished():
        try:
            removed += _recover_session(base, session)
        except HotloopError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return removed


def _recover_session(base: Path, session: str) -> list[str]:
    if not journal.journal_path(session).exists():
        journal.forget_marker(session)
        return []
    records = journal.read_journal(session)
    if records and isinstance(records[0], Opened) and records[0].root != str(base):
        return []
    try:
        record = Journal.reopen(session)
    except UsageError:
        return []  # it still runs
    removed = _remove_leftovers(base, records)
    record.close()
    return removed


def _remove_leftovers(root: Path, records: list[journal.Record]) -> list[str]:
    removed: list[str] = []
    for record in records:
        if not isinstance(record, Intent):
            continue
        if record.temp and (root / record.temp).exists():
            try:
                (root / record.temp).unlink()
            except OSError as error:
                raise journal.write_fault(root / record.temp, error) from error
            removed.append(record.temp)
        remove_folders(root, record.folders)
    return removed


def _last(root: Path) -> str:
    for session in journal.sessions_of(root):
        if INFIX not in session and not _past(session).undone:
            return session
    raise UsageError(f"there is no session to undo in {root}", "see `hotloop trace list`")


def _past(session: str) -> _Past:
    records = journal.read_journal(session)
    past = _Past("", journal.originals(records), {}, [], False)
    for record in records:
        match record:
            case Opened():
                past.root = record.root
            case Undone():
                past.undone = record.undone
            case Intent():
                past.written.setdefault(record.path, set()).add(record.after)
                past.folders += record.folders
    return past


def _undo_name(session: str) -> str:
    names = (f"{session}{INFIX}{number}" for number in itertools.count(1))
    return next(name for name in names if not journal.journal_path(name).exists())


def _restore(checkpoint: Checkpoint, session: str, past: _Past, force: bool) -> UndoReport:
    restored: list[str] = []
    removed: list[str] = []
    conflicts: list[str] = []
    for name, original in past.originals.items():
        try:
            now = snapshot(checkpoint.workspace.resolve(name, for_writing=True))
        except ToolError:
            conflicts.append(name)  # a folder or a link out of the workspace is there now
            continue
        if now.data == original.data:
            continue
        if digest(now.data) not in past.written[name] and not force:
            conflicts.append(name)
        elif original.data is None:
            checkpoint.remove(name)
            removed.append(name)
        else:
            checkpoint.write(name, original.data, mode=original.mode)
            restored.append(name)
    remove_folders(checkpoint.workspace.root, past.folders)
    return UndoReport(
        session=session,
        undo_session=checkpoint.session if restored or removed else "",
        restored=restored,
        removed=removed,
        conflicts=conflicts,
    )


def _mark_undone(record: Journal, by: str) -> None:
    record.append(Undone(by))
    base, infix, _ = record.session.rpartition(INFIX)
    if infix:
        original = Journal.reopen(base)
        original.append(Undone(record.session, undone=False))
        original.close()
