"""The models on this machine: where they lie, and which of them have been checked.

A checked file has a record in the models folder: its path, and the size and modification time
it had when its checksum was right. While both are the same the file is not read again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from hotloop import paths
from hotloop.engine.catalog import CATALOG, ModelRef, check_gguf, resolve
from hotloop.errors import EnvironmentFault, UsageError

State = Literal["verified", "unverified", "corrupt", "partial", "absent"]
Progress = Callable[[str, int, int], None]
"""Called with a phase, the bytes done, and the bytes in all (0 when unknown)."""

_CHUNK_BYTES = 1 << 20
_RECORD_SUFFIX = ".verified"


class Record(msgspec.Struct, frozen=True):
    """A file whose checksum was right when it had this size and modification time."""

    id: str
    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str


class ModelStatus(msgspec.Struct, frozen=True):
    """What `hotloop models list` says of a model. `path` is None when no file is there."""

    id: str
    size_bytes: int
    licence: str
    state: State
    path: str | None


def no_progress(phase: str, done_bytes: int, total_bytes: int) -> None:
    """Report to nobody."""


def models_dir() -> Path:
    """Return the folder that holds the models hotloop fetched."""
    return paths.data_dir() / "models"


def local_dir() -> Path | None:
    """Return the user's own folder of models (`HOTLOOP_MODELS`), or None when not set."""
    folder = os.environ.get("HOTLOOP_MODELS")
    return Path(folder).expanduser().resolve() if folder else None


def model_path(ref: ModelRef) -> Path:
    """Return where the model lies, or will lie once it has been fetched."""
    return ref.path or models_dir() / ref.file


def partial_path(ref: ModelRef) -> Path:
    """Return the file in which the model's first bytes gather while it is fetched."""
    return models_dir() / f"{ref.file}.partial"


def parts_dir(ref: ModelRef) -> Path:
    """Return the folder of pieces that are not yet in the partial file."""
    return models_dir() / f"{ref.file}.parts"


def verified_path(ref: ModelRef) -> Path | None:
    """Return the model's file if it is known to be right, without reading it (< 2 ms)."""
    record = _read_record(_record_path(ref))
    if record is None or (ref.sha256 and record.sha256 != ref.sha256):
        return None
    try:
        now = Path(record.path).stat()
    except OSError:
        return None
    same = (now.st_size, now.st_mtime_ns) == (record.size_bytes, record.mtime_ns)
    return Path(record.path) if same else None


def present_path(ref: ModelRef) -> Path | None:
    """Return the model's file, right or not, in the models folder or else the user's own."""
    folder = local_dir()
    places = [model_path(ref)] + ([folder / ref.file] if folder else [])
    return next((place for place in places if place.is_file()), None)


def examine(ref: ModelRef, path: Path, on_progress: Progress = no_progress) -> tuple[str, Record]:
    """Read the whole file; return what is wrong with it ("" for nothing) and its record.

    A file of the wrong size is not read, its record has no checksum.
    """
    before = path.stat()
    problem = size_problem(ref, path)
    digest = "" if problem else sha256_of(path, on_progress)
    if digest and ref.sha256 not in ("", digest):
        problem = f"its SHA-256 is {digest} instead of {ref.sha256}"
    return problem, Record(ref.id, str(path), before.st_size, before.st_mtime_ns, digest)


def remember(ref: ModelRef, record: Record) -> Path:
    """Note a file as right, so that it is not read again, and return its path."""
    path = _record_path(ref)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(msgspec.json.encode(record))
    fresh.replace(path)
    return Path(record.path)


def check(ref: ModelRef, path: Path, on_progress: Progress = no_progress) -> Path:
    """Read the whole file, note that it is right, and return its path.

    Raises EnvironmentFault that names the next step when size or SHA-256 is wrong, and then
    forgets an earlier record.
    """
    problem, record = examine(ref, path, on_progress)
    if not problem:
        return remember(ref, record)
    forget(ref)
    step = f"hotloop models pull --force {ref.id}"
    if path != model_path(ref):
        step = f"replace or remove that file, then: {step}"
    raise EnvironmentFault(f"the model file {path} is corrupt: {problem}", step)


def size_problem(ref: ModelRef, path: Path) -> str:
    """Return what is wrong with the file's size, "" when it is right or not known."""
    size = path.stat().st_size
    wrong = ref.size_bytes not in (0, size)
    return f"it has {size} bytes instead of {ref.size_bytes}" if wrong else ""


def sha256_of(path: Path, on_progress: Progress = no_progress) -> str:
    """Return the file's SHA-256 in hexadecimal, with progress in the phase `verify`."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            on_progress("verify", done, total)
    return digest.hexdigest()


def verify(ref: ModelRef, on_progress: Progress = no_progress) -> Path:
    """Read the model's file again and compare it with its checksum; return its path.

    For a file or hub file whose publisher gives no checksum, the one recorded when it came is
    used; a file of the user's own only has to be GGUF. Raises EnvironmentFault when the file
    is missing or wrong.
    """
    if ref.path:
        return check_gguf(ref.path)
    record = _read_record(_record_path(ref))
    path = Path(record.path) if record else present_path(ref)
    if path is None or not path.is_file():
        raise EnvironmentFault(f"{ref.id} is not here", f"hotloop models pull {ref.id}")
    if record and not ref.sha256:
        ref = msgspec.structs.replace(ref, sha256=record.sha256, size_bytes=record.size_bytes)
    return check(ref, path, on_progress)


def remove(ref: ModelRef) -> int:
    """Delete what hotloop holds of the model and return the bytes freed.

    A file in the user's own folder is only forgotten. Raises UsageError for a path, and
    EnvironmentFault while another process fetches the model.
    """
    if ref.path:
        raise UsageError(f"{ref.path} is a file of your own", "delete it yourself")
    with lock(ref) as free:
        if not free:
            raise EnvironmentFault(
                f"another hotloop is fetching {ref.id}", "stop it, or wait until it has ended"
            )
        return discard(ref)


def discard(ref: ModelRef) -> int:
    """Delete file, record and pieces of the model, which the caller has locked."""
    folder = parts_dir(ref)
    pieces = [piece for piece in folder.rglob("*") if piece.is_file()]
    files = [file for file in (model_path(ref), partial_path(ref)) if file.is_file()]
    freed = sum(file.stat().st_size for file in pieces + files)
    forget(ref)
    for file in files:
        file.unlink()
    if folder.is_dir():
        shutil.rmtree(folder)
    return freed


def forget(ref: ModelRef) -> None:
    """Delete the record, so that the file is read before it is used again."""
    _record_path(ref).unlink(missing_ok=True)


def status(ref: ModelRef) -> ModelStatus:
    """Say what is here of one model, without reading its file."""
    path, state = verified_path(ref), "verified"
    if path is None and (path := present_path(ref)):
        state = "corrupt" if size_problem(ref, path) else "unverified"
    if path is None:
        state = "partial" if partial_path(ref).exists() or parts_dir(ref).exists() else "absent"
    size = ref.size_bytes or (path.stat().st_size if path else 0)
    return ModelStatus(ref.id, size, ref.licence, state, str(path) if path else None)


def known() -> list[ModelRef]:
    """Return the models of the catalog, then the hub files that were fetched."""
    records = (_read_record(path) for path in sorted(models_dir().glob(f"*{_RECORD_SUFFIX}")))
    fetched = [record.id for record in records if record and record.id.startswith("hf:")]
    return [*CATALOG.values(), *map(resolve, fetched)]


@contextmanager
def lock(ref: ModelRef, wait: Callable[[], None] | None = None) -> Generator[bool]:
    """Hold the model for this process (flock, so a dead holder never blocks anyone).

    Yields False at once when another one holds it, unless `wait` is given: then calls that
    once and waits.
    """
    path = paths.state_dir() / "locks" / f"model-{ref.file}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait is None:
                yield False
                return
            wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield True


def _record_path(ref: ModelRef) -> Path:
    return models_dir() / f"{ref.file}{_RECORD_SUFFIX}"


def _read_record(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
