"""Remove what old sessions left: journals for undo, full outputs, caches of their commands."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from hotloop import paths
from hotloop.workspace import journal
from hotloop.workspace.journal import Opened, Record
from hotloop.workspace.sandbox import scratch_dir
from hotloop.workspace.tags import tags_files
from hotloop.workspace.undo import INFIX

_DAY_S = 86_400.0


class _Leftovers(msgspec.Struct):
    """What one session left, and its undoings with it, which cannot be taken back without it."""

    sessions: set[str]
    changed_at: float


def prune(
    running: Collection[str],
    *,
    keep_sessions: int = 200,
    keep_days: float = 30.0,
    now: float | None = None,
) -> list[str]:
    """Remove leftovers that are older than `keep_days` or not of the newest `keep_sessions`.

    Returns the sessions whose leftovers went. Left alone are sessions that run (`running`, or
    their journal is locked) and those whose journal is unfinished, because they broke off.
    Caches of a workspace's commands go when no session of it is kept and they are older than
    `keep_days`, what is known of its source files when it is older. `now` is in Unix seconds.
    Files that cannot be removed stay for the next time.
    """
    oldest = (time.time() if now is None else now) - keep_days * _DAY_S
    untouchable = {*running, *journal.unfinished()}
    newest = sorted(_leftovers().values(), key=lambda one: one.changed_at, reverse=True)
    removed: list[str] = []
    for place, left in enumerate(newest):
        is_old = place >= keep_sessions or left.changed_at < oldest
        if is_old and not left.sessions & untouchable:
            removed += [session for session in sorted(left.sessions) if _remove(session)]
    _remove_caches(oldest, untouchable)
    return removed


def _leftovers() -> dict[str, _Leftovers]:
    found: dict[str, _Leftovers] = {}
    for folder in (*_folders(_journals()), *_folders(_outputs())):
        if folder.name == ".open":
            continue
        base = folder.name.split(INFIX)[0]
        left = found.setdefault(base, _Leftovers(set(), 0.0))
        left.sessions.add(folder.name)
        left.changed_at = max(left.changed_at, _changed_at(folder))
    return found


def _remove(session: str) -> bool:
    if not journal.remove(session):
        return False
    shutil.rmtree(_outputs() / session, ignore_errors=True)
    shutil.rmtree(_journals() / session, ignore_errors=True)  # one that lost its journal
    return True


def _remove_caches(oldest: float, running: Collection[str]) -> None:
    for file in tags_files():
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < oldest:
                file.unlink()
    old = [one for one in _folders(paths.cache_dir() / "scratch") if _changed_at(one) < oldest]
    if not old or running:  # which workspace a session runs in is not known before it edits
        return
    in_use = {scratch_dir(root).name for root in _kept_roots()}
    for folder in old:
        if folder.name not in in_use:
            shutil.rmtree(folder, ignore_errors=True)


def _kept_roots() -> Iterator[Path]:
    for folder in _folders(_journals()):
        file = folder / "journal.jsonl"
        with contextlib.suppress(OSError, msgspec.DecodeError), file.open("rb") as lines:
            opened = msgspec.json.decode(lines.readline(), type=Record)
            if isinstance(opened, Opened):
                yield Path(opened.root)


def _folders(parent: Path) -> list[Path]:
    try:
        return [Path(one.path) for one in os.scandir(parent) if one.is_dir(follow_symlinks=False)]
    except OSError:  # there is none, or it cannot be read: nothing to remove there
        return []


def _changed_at(folder: Path) -> float:
    """Return when a folder or something right in it was last changed, in Unix seconds."""
    try:
        times = [one.stat(follow_symlinks=False).st_mtime for one in os.scandir(folder)]
        return max(folder.stat().st_mtime, *times, 0.0)
    except OSError:  # it changes right now
        return time.time()


def _journals() -> Path:
    return paths.state_dir() / "checkpoints"


def _outputs() -> Path:
    return paths.state_dir() / "outputs"
