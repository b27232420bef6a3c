"""Fetch the pieces of a file several at a time and append them in order.

The partial file always holds a prefix of the model, whichever source it came from, so any
source can go on from where another one stopped. At most `WORKERS` pieces exist beside it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol, TypeVar

import msgspec

WORKERS = 4
MARGIN_BYTES = 64 * 2**20
_TICK_S = 0.1
_STOP_S = 3.0
_CHUNK_BYTES = 1 << 20

T = TypeVar("T")


class SourceFailed(Exception):
    """A source cannot provide a model: why, and what would help if that is known."""

    def __init__(self, reason: str, next_step: str = "") -> None:
        super().__init__(reason)
        self.next_step = next_step


class Fetched(msgspec.Struct, frozen=True):
    """A complete file and what it should be by its source's word (empty when not said)."""

    path: Path
    size_bytes: int = 0
    sha256: str = ""


class Staging(msgspec.Struct, frozen=True):
    """Where a model gathers: a partial file with its first bytes, a folder of later pieces."""

    partial: Path
    parts: Path

    def held_bytes(self) -> int:
        """Return the length of the prefix that is here."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def clear(self) -> None:
        """Delete all that has gathered."""
        self.partial.unlink(missing_ok=True)
        if self.parts.exists():
            shutil.rmtree(self.parts)


class Part(msgspec.Struct, frozen=True):
    """A piece of a file: `name` is unique to its source and content, and a file name."""

    name: str
    start: int
    size_bytes: int


class PartSource(Protocol):
    """Provides the pieces of one file."""

    def download(self, part: Part, folder: Path, stop: threading.Event) -> Path:
        """Fetch a piece into its folder (which may hold an earlier try) and return the file.

        Runs in a thread of its own; gives up soon after `stop` is set. Raises SourceFailed.
        """
        ...

    def open(self, file: Path) -> AbstractContextManager[IO[bytes]]:
        """Open the bytes of the piece inside what `download` returned."""
        ...


def spawn(call: Callable[[], T]) -> Future[T]:
    """Run `call` in a thread that does not keep the process alive."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def require_free(folder: Path, need_bytes: int) -> None:
    """Raise SourceFailed when the disk of `folder` has less than that and a margin free."""
    need = need_bytes + MARGIN_BYTES
    free = shutil.disk_usage(folder).free
    if free < need:
        raise SourceFailed(
            f"needs {need / 1e9:.2f} GB of free disk, {folder} has {free / 1e9:.2f} GB",
            f"free {(need - free) / 1e9:.2f} GB there, or set HOTLOOP_HOME to a larger disk",
        )


def assemble(
    source: PartSource,
    parts: Sequence[Part],
    staging: Staging,
    report: Callable[[int], None],
) -> None:
    """Fetch what the partial file lacks and append it; `report` gets the bytes here so far.

    Raises SourceFailed when a piece cannot be had or is not as long as it should be, OSError
    when the disk is full. What arrived is kept for the next try, also after KeyboardInterrupt.
    """
    staging.parts.mkdir(parents=True, exist_ok=True)
    held = staging.held_bytes()
    queue = deque(part for part in parts if part.start + part.size_bytes > held)
    running: deque[tuple[Part, Future[Path]]] = deque()
    stop = threading.Event()
    try:
        while queue or running:
            while queue and len(running) < WORKERS:
                part = queue.popleft()
                running.append((part, _start(source, part, staging, stop)))
            wait([future for _, future in running], _TICK_S, FIRST_EXCEPTION)
            _raise_failure(future for _, future in running)
            while running and running[0][1].done():
                part, future = running.popleft()
                _append(source, part, future.result(), staging)
            report(staging.held_bytes() + sum(_arrived(part, staging) for part, _ in running))
    finally:
        stop.set()
        wait([future for _, future in running], _STOP_S)


def _start(source: PartSource, part: Part, staging: Staging, stop: threading.Event) -> Future[Path]:
    done = _done_path(part, staging)
    if done.exists():
        return spawn(lambda: done)

    def fetch() -> Path:
        folder = staging.parts / part.name
        folder.mkdir(exist_ok=True)
        # The rename marks the piece as complete for a later run.
        return source.download(part, folder, stop).replace(done)

    return spawn(fetch)


def _raise_failure(futures: Iterable[Future[Path]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()):
            raise error


def _append(source: PartSource, part: Part, file: Path, staging: Staging) -> None:
    held = staging.held_bytes()
    with staging.partial.open("ab") as out:
        try:
            with source.open(file) as piece:
                piece.read(held - part.start)
                shutil.copyfileobj(piece, out, _CHUNK_BYTES)
            arrived = out.tell() - part.start
            if arrived != part.size_bytes:
                raise SourceFailed(
                    f"{part.name} holds {arrived} bytes instead of {part.size_bytes}"
                )
        except SourceFailed:
            out.truncate(held)
            file.unlink()
            raise
    file.unlink()
    shutil.rmtree(staging.parts / part.name, ignore_errors=True)


def _done_path(part: Part, staging: Staging) -> Path:
    return staging.parts / f"{part.name}.done"


def _arrived(part: Part, staging: Staging) -> int:
    """Return about how many bytes of a piece are here. pip may hold it twice for a moment."""
    largest = 0
    for folder, _, names in os.walk(staging.parts / part.name):
        largest = max([largest, *(_size(Path(folder, name)) for name in names)])
    # Looked at last: a piece that is renamed meanwhile must not seem to vanish.
    return min(part.size_bytes, max(largest, _size(_done_path(part, staging))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
