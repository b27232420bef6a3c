"""Many small calls one after another: how the slow ones look, and how many fail."""

from __future__ import annotations

import math
from collections import Counter as Count
from collections.abc import Sequence

from hotloop.probe.ends import GivenUp
from hotloop.probe.figure import figure, quantile
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session

TOKENS, FEWEST_TOKENS = 8, 2
FEWEST_CALLS = 3
MOST_CALLS = 150
ENOUGH = 100
NOISES = 4.0
LEAST_CALLS = 20
"""Of fewer calls no share of slow ones can be told."""
LEAST_SLOWER = 0.1
LEAST_SLOWER_S = 0.01
"""Calls slower than usual by less than this, as a share and in seconds, never count as slow."""
MOST_GIVEN_UP = 4


class TailsPart:
    """Asks for a few tokens again and again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.calls: list[Sample] = []

    async def run(self) -> None:
        """Measure until the part's share is used up."""
        session, prompts = self._session, self._session.prompts
        given_up = 0
        tokens = session.tokens_for(TOKENS, FEWEST_TOKENS, FEWEST_CALLS)
        while len(self.calls) < MOST_CALLS:
            room = session.room(session.expected_s(60, tokens))
            if not room and len(self.calls) >= FEWEST_CALLS:
                break
            before = len(session.samples)
            try:
                await session.ask(prompts.new(prompts.story()), tokens, "many small calls")
            except GivenUp:
                given_up += 1  # failures are what is counted here
                if given_up == MOST_GIVEN_UP:
                    raise
            finally:
                self.calls += session.samples[before:]

    def conclude(self, result: Result) -> None:
        """Write what was found into the result."""
        found = result.tails
        timed = [s for s in self.calls if s.timed]
        found.calls = len(self.calls)
        found.errors = sum(not s.ok for s in self.calls)
        found.retries = sum(s.retries for s in self.calls)
        found.error_causes = dict(Count(cause(s) for s in self.calls if not s.ok))
        found.latency_s = figure([s.latency_s for s in timed], enough=ENOUGH)
        found.ttft_s = figure([s.ttft_s for s in timed], enough=ENOUGH)
        if found.latency_s is None:
            result.missing["tails.latency_s"] = "no small call could be timed"
            return
        if len(timed) < LEAST_CALLS:
            result.missing["tails.slow_share"] = f"{len(timed)} calls, {LEAST_CALLS} wanted"
            return
        found.slow_share, found.slow_sigma = slow_calls([s.ttft_s - s.headers_s for s in timed])


def slow_calls(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the share of calls that are slower as a whole, and how much slower.

    How much slower is the sigma of a half-normal distribution of the logarithm of the ratio.
    """
    ordered = sorted(seconds)
    if len(ordered) < 2 or ordered[0] <= 0:
        return 0.0, 0.0
    usual_s, most_s = usual(ordered, LEAST_SLOWER_S)
    logs = [math.log(one / usual_s) for one in ordered if one > most_s]
    if not logs:
        return 0.0, 0.0
    return len(logs) / len(ordered), math.sqrt(sum(log * log for log in logs) / len(logs))


def usual(ordered: Sequence[float], least_slower_s: float = 0.0) -> tuple[float, float]:
    """Return what calls usually take, and the most that is no more than noise; both above 0.

    Takes sorted seconds. The noise is judged by the lower half, which slow calls are not in.
    """
    usual_s = quantile(ordered, 0.4)
    noise_s = usual_s - quantile(ordered, 0.05)
    return usual_s, usual_s + max(LEAST_SLOWER * usual_s, least_slower_s, NOISES * noise_s)


def cause(sample: Sample) -> str:
    """Return why a call failed: its HTTP status, else the beginning of what was said."""
    return f"HTTP {sample.status}" if sample.status else sample.error[:80]
