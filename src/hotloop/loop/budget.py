"""The budget of a session: a deadline that the loop acts on, shared out among steps.

Shares are the article's: of its 21.7 s on a fast backend, planning has 2.2 s, a tool call 1 s,
reading and reasoning 2 s, generating 6 s, tests 5 s and verifying 1.5 s.
"""

from __future__ import annotations

import time

from hotloop.ledger.events import StepKind

_ARTICLE_TOTAL_S = 21.7
_SHARES_S = {
    StepKind.PLAN: 2.2,
    StepKind.TOOL_CALLS: 1.0,
    StepKind.REASON: 2.0,
    StepKind.GENERATE: 6.0,
    StepKind.TEST: 5.0,
    StepKind.VERIFY: 1.5,
    StepKind.PREFETCH: 1.0,
    StepKind.COMPACT: 1.0,
}


class Budget:
    """Seconds that a session may take, counted from its start on the monotonic clock."""

    def __init__(self, total_s: float, start_s: float) -> None:
        self.total_s = total_s
        self.start_s = start_s

    @property
    def left_s(self) -> float:
        """Return the seconds left, negative when the budget is overrun."""
        return self.start_s + self.total_s - time.monotonic()

    def share_s(self, kind: StepKind) -> float:
        """Return the seconds that one step of a kind may take."""
        return self.total_s * _SHARES_S[kind] / _ARTICLE_TOTAL_S
