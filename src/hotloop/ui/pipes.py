"""Output whose reader may go away."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, Any


def discard(stream: IO[Any]) -> None:
    """Point a stream whose reader is gone at nothing, so that its last flush does not fail."""
    with suppress(OSError, ValueError):  # no descriptor, or already closed: nothing to flush
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
