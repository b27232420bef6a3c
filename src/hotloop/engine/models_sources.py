"""Where a model's bytes can come from, in the order of trying."""

from __future__ import annotations

from typing import Protocol

from hotloop.engine import models_store as store
from hotloop.engine.catalog import ModelRef
from hotloop.engine.models_hub import HubSource
from hotloop.engine.models_parts import Fetched, SourceFailed, Staging
from hotloop.engine.models_store import Progress
from hotloop.engine.models_wheels import WheelSource


class Source(Protocol):
    """One place to have a model from."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        ...

    def fetch(self, ref: ModelRef, staging: Staging, on_progress: Progress) -> Fetched:
        """Return a complete file: the filled partial file, or one that is used in place.

        Raises SourceFailed (or OSError for a full disk) and keeps what arrived.
        """
        ...


class LocalFolder:
    """The folder `HOTLOOP_MODELS`: a file of the model's name there is used where it lies."""

    name = "local folder"

    def fetch(self, ref: ModelRef, staging: Staging, on_progress: Progress) -> Fetched:
        """Return the user's file when its size can be right; nothing is copied."""
        folder = store.local_dir()
        if folder is None:
            raise SourceFailed("HOTLOOP_MODELS is not set")
        if not ref.sha256:
            raise SourceFailed("cannot tell its files apart: the model's checksum is not known")
        path = folder / ref.file
        if not path.is_file():
            raise SourceFailed(f"{path} does not exist")
        return Fetched(path, ref.size_bytes, ref.sha256)


def default_sources() -> list[Source]:
    """Return the sources in the order of trying: what is near first, what is large last."""
    return [LocalFolder(), HubSource(), WheelSource()]
