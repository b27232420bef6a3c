"""The ways in which a part of a probe ends before it has made all of its calls."""

from __future__ import annotations

from hotloop.probe.result import Stopped


class Spent(Exception):
    """A budget of the probe is used up: `what` says which one."""

    def __init__(self, what: Stopped) -> None:
        super().__init__(what)
        self.what: Stopped = what


class GivenUp(Exception):
    """Calls of this part fail again and again; the text says how."""


class Enough(Exception):
    """This part has used its share of the budget, and more."""
