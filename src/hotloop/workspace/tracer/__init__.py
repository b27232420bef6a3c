"""What ran in which test. `hotloop_tracer.py` beside this file runs in the user's interpreter."""

from __future__ import annotations

from pathlib import Path

import msgspec


class TracedTest(msgspec.Struct, frozen=True):
    """One test: its outcome (`passed`, `failed`, `skipped`) and the lines it executed by path."""

    id: str
    outcome: str
    lines: dict[str, list[int]]


class Trace(msgspec.Struct, frozen=True):
    """Executed lines of workspace files, test by test.

    `truncated` says that the tracer gave up on part of a test to bound its cost.
    """

    tests: list[TracedTest]
    truncated: bool = False


def plugin_dir() -> Path:
    """Return the folder to put on PYTHONPATH so that `hotloop_tracer` can be imported."""
    return Path(__file__).parent


def load(path: Path) -> Trace | None:
    """Read what the tracer wrote; None where it wrote nothing (no test ran, or it was killed)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Trace)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
