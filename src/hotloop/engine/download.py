"""Make sure that a model is on this machine, whole and checked, and say where.

Sources are tried in order. What arrived before an interruption is kept and gone on with, by
whichever source comes next. A file gets its final name only after its SHA-256 was right.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hotloop.engine import models_store as store
from hotloop.engine.catalog import ModelRef, check_gguf
from hotloop.engine.models_store import Progress, no_progress
from hotloop.errors import EnvironmentFault

if TYPE_CHECKING:
    from hotloop.engine.models_parts import SourceFailed, Staging
    from hotloop.engine.models_sources import Source


def ensure(
    ref: ModelRef,
    on_progress: Progress = no_progress,
    sources: Sequence[Source] | None = None,
) -> Path:
    """Return the path of the model's verified file; fetch it when it is not here.

    Costs less than 2 ms when the file is here and was verified before. Blocks (for minutes
    when it downloads) and calls `on_progress` in the calling thread. Raises EnvironmentFault
    when the file here is corrupt, or lists every source tried and why each failed.
    """
    if ref.path:
        return check_gguf(ref.path)
    return store.verified_path(ref) or _ensure_alone(ref, on_progress, sources)


def pull(
    ref: ModelRef,
    on_progress: Progress = no_progress,
    force: bool = False,
    sources: Sequence[Source] | None = None,
) -> Path:
    """Do what `ensure` does; with `force`, fetch the model anew, whatever is here.

    The file that is here stays until the new one has been checked.
    """
    if not force or ref.path:
        return ensure(ref, on_progress, sources)
    with _writable(), store.lock(ref, _waiting(on_progress)):
        _staging(ref).clear()
        return _obtain(ref, on_progress, sources)


def _ensure_alone(ref: ModelRef, on_progress: Progress, sources: Sequence[Source] | None) -> Path:
    with _writable(), store.lock(ref, _waiting(on_progress)):
        if ready := store.verified_path(ref):
            return ready
        if store.model_path(ref).is_file():
            return store.check(ref, store.model_path(ref), on_progress)
        return _obtain(ref, on_progress, sources)


def _obtain(ref: ModelRef, on_progress: Progress, sources: Sequence[Source] | None) -> Path:
    from hotloop.engine.models_parts import SourceFailed
    from hotloop.engine.models_sources import default_sources

    failures: list[tuple[str, SourceFailed]] = []
    store.models_dir().mkdir(parents=True, exist_ok=True)
    for source in default_sources() if sources is None else sources:
        try:
            return _take(source, ref, on_progress)
        except SourceFailed as failure:
            failures.append((source.name, failure))
    raise _nothing_worked(ref, failures)


def _take(source: Source, ref: ModelRef, on_progress: Progress) -> Path:
    from hotloop.engine.models_parts import SourceFailed

    staging = _staging(ref)
    resumed = staging.held_bytes() > 0
    try:
        fetched = source.fetch(ref, staging, on_progress)
        said = msgspec.structs.replace(ref, size_bytes=fetched.size_bytes, sha256=fetched.sha256)
        problem, record = store.examine(said, fetched.path, on_progress)
        if not problem and fetched.path == staging.partial:
            record = _give_name(ref, staging, record)
    except OSError as error:
        raise SourceFailed(str(error), _advice(error)) from error
    if not problem:
        return store.remember(ref, record)
    if fetched.path != staging.partial:
        raise SourceFailed(f"{fetched.path} is corrupt: {problem}")
    staging.clear()
    if resumed:  # The wrong bytes may be an earlier source's.
        return _take(source, ref, on_progress)
    raise SourceFailed(f"what it sent is wrong: {problem}")


def _give_name(ref: ModelRef, staging: Staging, record: store.Record) -> store.Record:
    path = store.model_path(ref)
    with staging.partial.open("rb+") as file:
        os.fsync(file.fileno())
    staging.partial.replace(path)
    staging.clear()
    return msgspec.structs.replace(record, path=str(path))


def _staging(ref: ModelRef) -> Staging:
    from hotloop.engine.models_parts import Staging

    return Staging(store.partial_path(ref), store.parts_dir(ref))


def _waiting(on_progress: Progress) -> Callable[[], None]:
    return lambda: on_progress("wait for another hotloop that fetches this model", 0, 0)


@contextmanager
def _writable() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"cannot keep models in {store.models_dir()}: {error}",
            "set HOTLOOP_HOME to a folder that you can write to",
        ) from error


def _advice(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some disk (what arrived is kept), or set HOTLOOP_HOME to a larger disk"
    return ""


def _nothing_worked(
    ref: ModelRef, failures: Sequence[tuple[str, SourceFailed]]
) -> EnvironmentFault:
    reasons = "".join(f"\n  - {name}: {failure}" for name, failure in failures)
    advice = next((failure.next_step for _, failure in failures if failure.next_step), "")
    again = (
        f"when the network is back: hotloop models pull {ref.id} (what arrived is kept); "
        f"or put {ref.file} into a folder and set HOTLOOP_MODELS to it"
    )
    return EnvironmentFault(f"no source has {ref.id}:{reasons}", advice or again)
