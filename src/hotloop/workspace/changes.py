"""Change files of the workspace: atomically, on the record, and so that it can be taken back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from hotloop.errors import ToolError
from hotloop.workspace import diff
from hotloop.workspace.journal import (
    Intent,
    Journal,
    Snapshot,
    originals,
    read_journal,
    write_fault,
)
from hotloop.workspace.root import Workspace

ORIGINAL_LIMIT_BYTES = 64 << 20


class Change(msgspec.Struct, frozen=True):
    """One change of one file: what was there before and what is there now."""

    path: str
    before: Snapshot
    after: Snapshot
    folders: tuple[str, ...] = ()


class Checkpoint:
    """The changes of one session. Every write goes through it; safe to use from threads.

    Nothing is put on disk before the first change; a session that broke off is gone on with.
    Close it, or use it as a context manager.
    """

    def __init__(self, workspace: Workspace, session: str) -> None:
        self.workspace = workspace
        self.session = session
        self._journal: Journal | None = None
        self._originals = originals(read_journal(session))
        self._changes: list[Change] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session's record: later writes raise ToolError. Safe to call twice."""
        with self._lock:
            self._closed = True
            journal, self._journal = self._journal, None
            if journal is not None:
                journal.close()

    def write(
        self,
        path: str | Path,
        data: bytes,
        *,
        mode: int | None = None,
        expected: bytes | None = None,
    ) -> bool:
        """Replace or create a file, atomically; return whether that changed anything.

        It keeps its mode unless `mode` is given, also where the session had removed it; missing
        folders are made. At any moment,
        a power cut included, the file is the old or the new one. With `expected`, raises
        ToolError if the file has meanwhile another content. Raises ToolError for what
        `Workspace.resolve` refuses and EnvironmentFault on a full disk; the file is then as
        it was.
        """
        with self._lock:
            full, name = self._target(path)
            before = snapshot(full)
            if expected is not None and before.data != expected:
                raise ToolError(f"{name} was changed by someone else", "read it again")
            after = Snapshot(data, self._mode(name, before) if mode is None else mode)
            if after == before:
                return False
            self._apply(full, name, before, after)
            return True

    def remove(self, path: str | Path) -> bool:
        """Remove a file; return whether there was one. Raises like `write`."""
        with self._lock:
            full, name = self._target(path)
            before = snapshot(full)
            if before.data is None:
                return False
            self._apply(full, name, before, Snapshot())
            return True

    def mark(self) -> int:
        """Return a point to which `rollback_to` can return."""
        return len(self._changes)

    def rollback_to(self, mark: int) -> list[str]:
        """Take back every change since `mark`; return the paths that were restored.

        A file that someone else changed in between is left alone; raises ToolError naming it
        after all others are restored.
        """
        with self._lock:
            undone = self._changes[mark:]
            oldest = {change.path: change.before for change in reversed(undone)}
            newest = {change.path: change.after for change in undone}
            foreign: list[str] = []
            for name, before in oldest.items():
                full, _ = self._target(name)
                now = snapshot(full)
                if now.data not in (newest[name].data, before.data):
                    foreign.append(name)
                elif now != before:
                    self._apply(full, name, now, before)
            remove_folders(
                self.workspace.root, [name for change in undone for name in change.folders]
            )
        if foreign:
            raise ToolError(
                f"not taken back, changed by someone else: {', '.join(foreign)}", "read them again"
            )
        return list(oldest)

    def changed(self) -> list[str]:
        """Return the sorted paths of files that differ from what the session found."""
        root = self.workspace.root
        return sorted(
            name for name, original in self._originals.items() if snapshot(root / name) != original
        )

    def diff(self) -> str:
        """Return a unified diff from what the session found to what is there now."""
        return diff.unified_diff(self.workspace, self._originals)

    def _mode(self, name: str, before: Snapshot) -> int | None:
        if before.data is None and (original := self._originals.get(name)) is not None:
            return original.mode
        return before.mode

    def _target(self, path: str | Path) -> tuple[Path, str]:
        full = self.workspace.resolve(path, for_writing=True)
        return full, full.relative_to(self.workspace.root).as_posix()

    def _apply(self, full: Path, name: str, before: Snapshot, after: Snapshot) -> None:
        if self._closed:
            raise ToolError(f"{name} was not changed: the session has ended")
        temp = full.with_name(f".hotloop-{os.urandom(6).hex()}.tmp")
        folders = _missing_folders(full.parent, self.workspace.root)
        if self._journal is None:
            self._journal = Journal.create(self.session, self.workspace.root)
        self._journal.append(
            Intent(
                path=name,
                temp="" if after.data is None else str(temp.relative_to(self.workspace.root)),
                after=digest(after.data),
                original=None if name in self._originals else before,
                folders=folders,
            )
        )
        self._originals.setdefault(name, before)
        try:
            _replace(full, temp, after)
        except OSError as error:
            remove_folders(self.workspace.root, folders)
            raise write_fault(name, error) from error
        self._changes.append(Change(name, before, after, folders))


def digest(data: bytes | None) -> str:
    """Return the SHA-256 of a file's content, "" where there is no file."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def snapshot(full: Path) -> Snapshot:
    """Return what is at a path now. Raises ToolError when that cannot be read and kept."""
    try:
        with full.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > ORIGINAL_LIMIT_BYTES:
                raise ToolError(f"{full.name} is too large to change (over 64 MiB)")
            return Snapshot(file.read(), stat.S_IMODE(status.st_mode))
    except (FileNotFoundError, NotADirectoryError):
        return Snapshot()
    except OSError as error:
        raise ToolError(f"cannot read {full.name}: {error.strerror}") from error


def remove_folders(root: Path, folders: tuple[str, ...] | list[str]) -> None:
    """Remove folders, innermost first, that are empty."""
    for name in sorted(set(folders), key=len, reverse=True):
        with contextlib.suppress(OSError):
            (root / name).rmdir()


def _missing_folders(folder: Path, root: Path) -> tuple[str, ...]:
    missing: list[str] = []
    while not folder.exists():
        missing.append(folder.relative_to(root).as_posix())
        folder = folder.parent
    return tuple(missing)


def _replace(full: Path, temp: Path, after: Snapshot) -> None:
    if after.data is None:
        full.unlink()
        return
    full.parent.mkdir(parents=True, exist_ok=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(temp, flags, 0o666), "wb") as file:
            file.write(after.data)
            file.flush()
            _keep_owner(file.fileno(), full)
            if after.mode is not None:
                os.fchmod(file.fileno(), after.mode)
            os.fsync(file.fileno())
        temp.replace(full)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def _keep_owner(descriptor: int, full: Path) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        old, new = full.stat(), os.fstat(descriptor)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(descriptor, old.st_uid, old.st_gid)
