"""What ran in which test.

`hotloop_tracer.py` beside this file runs in the user's Python, `hotloop_tracer.cjs` in node.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def node_hook() -> Path:
    """Return the file that node has to load before a test file."""
    return Path(__file__).with_name("hotloop_tracer.cjs")


def load(path: Path) -> Trace | None:
    """Read what the tracers wrote, one JSON object per line.

    None where they wrote nothing (no test ran, or it was killed).
    """
    try:
        parts = _DECODER.decode_lines(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    tests = [test for part in parts for test in part.tests]
    return Trace(tests, truncated=any(part.truncated for part in parts))


_DECODER = msgspec.json.Decoder(Trace)


def judged(trace: Trace, failed: Sequence[str]) -> Trace:
    """Return a trace of node's tests with the outcomes that the report gives; `failed` has ids.

    A test fails with one of its subtests.
    """

    def outcome(test: TracedTest) -> str:
        is_failed = any(one == test.id or one.startswith(f"{test.id} > ") for one in failed)
        return "failed" if is_failed else "passed"

    tests = [msgspec.structs.replace(one, outcome=outcome(one)) for one in trace.tests]
    return msgspec.structs.replace(trace, tests=tests)
