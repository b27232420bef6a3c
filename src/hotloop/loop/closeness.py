"""How close a failing run is to green: what failing comparisons still lack."""

from __future__ import annotations

import difflib
import re

from hotloop.workspace.testrun import TestOutcome

_COMPARED = re.compile(r"\bassert (.+?) == (.+)", re.DOTALL)
_EXPECTED = re.compile(r"[Ee]xpected:? (.+?),? (?:but )?got:? (.+)", re.DOTALL)


def distance(outcome: TestOutcome) -> float:
    """Return the mean difference of what failing tests compare: 0 for equal, 1 for an exception."""
    lacks = [_lack(one.detail or one.message) for one in outcome.failures]
    return sum(lacks) / len(lacks) if lacks else 1.0


def _lack(text: str) -> float:
    found = _COMPARED.search(text) or _EXPECTED.search(text)
    if found is None:
        return 1.0
    return 1.0 - difflib.SequenceMatcher(None, found[1], found[2], autojunk=False).ratio()
