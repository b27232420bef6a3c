"""Lever `prefill_ahead`: what the next request begins with is sent while tests still run.

A request for one token, with all that is known already, makes the server read it into its prefix
cache; the real request then waits only for what the tests said. The idea is the speculative prefill
of serving systems, done by the client (see NVIDIA Dynamo). It pays where new observations are long
or prefill is slow, so little is not sent. When the tests end first, the request is given up; an
engine keeps the part that it has read.
"""

from __future__ import annotations

from hotloop.ledger.events import Marks

LEAST_NEW_BYTES = 1_200
"""Bytes of observations, about 300 tokens, that are worth a request of their own."""
MAX_TOKENS = 1


class PrefillAccount:
    """Compares the time to the first token of requests sent ahead with those that followed."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None
        self.saved_s = 0.0
        self.wasted_s = 0.0
        self.requests = 0

    def sent(self, marks: Marks) -> None:
        """Take a request sent ahead that was answered."""
        self.requests += 1
        self._ahead_s = _ttft_s(marks)

    def given_up(self, seconds: float) -> None:
        """Take a request that the tests overtook."""
        self.requests += 1
        self.wasted_s += seconds

    def followed(self, marks: Marks) -> None:
        """Take the next real request: it waited this much less than the one sent ahead did."""
        ahead_s, self._ahead_s = self._ahead_s, None
        ttft_s = _ttft_s(marks)
        if ahead_s is not None and ttft_s is not None:
            self.saved_s += max(0.0, ahead_s - ttft_s)


def _ttft_s(marks: Marks) -> float | None:
    return None if marks.first_token_s is None else marks.first_token_s - marks.start_s
