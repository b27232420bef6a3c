"""Lever `parallel`: which actions of one answer may run beside each other.

Actions without an effect run together. One that stands behind an effect in the same answer waits
for it, unless the two have nothing to do with each other: a file may be read while another file
is being changed, but nothing may be searched, and nothing at all be read while a command runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hotloop.actions.types import AnyAction, Define, Edit, Read, Write
from hotloop.errors import HotloopError

Resolve = Callable[[str], Path]
Span = tuple[float, float]


def may_pass(action: AnyAction, effects: Sequence[AnyAction], resolve: Resolve) -> bool:
    """Say whether an effect-free action may start before `effects` are over.

    `resolve` returns the file that a path means, whatever links lead there.
    """
    if not effects:
        return True
    if not isinstance(action, Read):
        return False
    return all(
        isinstance(one, Edit | Write | Define) and _differ(action.path, one.path, resolve)
        for one in effects
    )


def _differ(first: str, second: str, resolve: Resolve) -> bool:
    try:
        return resolve(first) != resolve(second)
    except HotloopError:
        return False


def overlap_s(spans: Iterable[Span]) -> float:
    """Return how much longer spans would take one after the other than they did."""
    alone_s = together_s = 0.0
    end_s = float("-inf")
    for start_s, stop_s in sorted(spans):
        alone_s += stop_s - start_s
        together_s += max(0.0, stop_s - max(start_s, end_s))
        end_s = max(end_s, stop_s)
    return alone_s - together_s
