"""What is known of an endpoint while a session talks to it: how fast it is, and what it has read.

Levers that choose between endpoints (`roles`, `hedge`) compute with it.
"""

from __future__ import annotations

from statistics import linear_regression, median

import msgspec

BYTES_PER_TOKEN = 4
_LEAST_RATIOS = 3
_LEAST_POINTS = 3
_LEAST_SPREAD_TOKENS = 500


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe measured. `late` is the p95 of times to first token over their median.

    A `prefill_tok_s` of None means that prompts of any length take as long.
    """

    base_s: float
    prefill_tok_s: float | None = None
    decode_tok_s: float | None = None
    late: float | None = None


class Speed:
    """An endpoint's speed: as it was probed, and as the session's own calls find it.

    `points` are calls so far, as uncached tokens and seconds to the first token.
    """

    def __init__(self, rates: Rates | None = None) -> None:
        self.rates = rates
        self.points: list[tuple[int, float]] = []
        self._decode_tok_s: list[float] = []

    def saw(self, cold_tokens: int, ttft_s: float, tok_s: float | None = None) -> None:
        """Take a call that had to read `cold_tokens`; `tok_s` is its decode rate, if known."""
        self.points.append((cold_tokens, ttft_s))
        if tok_s is not None:
            self._decode_tok_s.append(tok_s)

    @property
    def decode_tok_s(self) -> float | None:
        """Return the decode rate: the session's own median, else the probe's."""
        if self._decode_tok_s:
            return median(self._decode_tok_s)
        return self.rates.decode_tok_s if self.rates else None

    def ttft_s(self, cold_tokens: int) -> float | None:
        """Return the usual time to first token with so many uncached tokens; None if unknown.

        From the probe's fit, scaled up where this session's calls take longer than it says. Else
        from this session's calls: a line through them (least squares) where their prompts differ
        enough, their median where they do not.
        """
        if self.rates is not None:
            return _fitted_s(self.rates, cold_tokens) * self._scale(self.rates)
        if not self.points:
            return None
        counts = [count for count, _ in self.points]
        waits = [wait_s for _, wait_s in self.points]
        if len(counts) < _LEAST_POINTS or max(counts) - min(counts) < _LEAST_SPREAD_TOKENS:
            return median(waits)
        line = linear_regression(counts, waits)
        return max(min(waits), line.intercept + max(0.0, line.slope) * cold_tokens)

    def call_s(self, cold_tokens: int, output_tokens: float) -> float | None:
        """Return how long a call takes; None where a rate is unknown."""
        first_s, rate = self.ttft_s(cold_tokens), self.decode_tok_s
        return None if first_s is None or not rate else first_s + output_tokens / rate

    def _scale(self, rates: Rates) -> float:
        ratios = [wait_s / fit for count, wait_s in self.points if (fit := _fitted_s(rates, count))]
        return max(1.0, median(ratios)) if len(ratios) >= _LEAST_RATIOS else 1.0


def _fitted_s(rates: Rates, cold_tokens: int) -> float:
    return rates.base_s + (cold_tokens / rates.prefill_tok_s if rates.prefill_tok_s else 0.0)


class Warmth:
    """What an endpoint's prefix cache can hold of a conversation: the last request it answered.

    Tokens are estimated, 4 bytes each.
    """

    def __init__(self) -> None:
        self._held = b""

    def took(self, body: bytes) -> None:
        """Note a request that the endpoint has read to its end."""
        self._held = body

    def cold_tokens(self, body: bytes) -> int:
        """Return how many tokens of a request it has to read anew."""
        return (len(body) - shared_bytes(self._held, body)) // BYTES_PER_TOKEN


def shared_bytes(first: bytes, second: bytes) -> int:
    """Return how many bytes two texts have in common at their start."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
