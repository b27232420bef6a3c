"""Lever `budget`: the deadline decides how much the model may still say.

The length limit of an answer is what can be decoded in the time left; when only the time for a
change and its tests is left, the model is told to make it, and thinking apart is left out.
"""

from __future__ import annotations

_CHANGE_TOKENS = 200
_HURRY = "{left:.0f} s are left. Look no further and explain nothing: make the change now."
_LEAST_TOKENS = 48
MOST_TOKENS = 4_096


def limit_tokens(left_s: float, tokens_per_s: float) -> int:
    """Return how many tokens an answer may have when `left_s` seconds are left."""
    return max(_LEAST_TOKENS, min(MOST_TOKENS, int(left_s * tokens_per_s)))


def hurry(left_s: float, total_s: float, tokens_per_s: float, tests_s: float) -> str:
    """Return what the model is told when time is short; empty while it is not.

    Short is what holds a change of 200 tokens and `tests_s` seconds of tests twice over, or a
    third of `total_s` if that is less.
    """
    needed_s = _CHANGE_TOKENS / tokens_per_s + tests_s
    if left_s > min(2 * needed_s, total_s / 3):
        return ""
    return _HURRY.format(left=max(0.0, left_s))


class BudgetAccount:
    """Counts what the deadline did. What it saved cannot be measured: nobody went on without it.

    `wasted_s` is the time of answers that its limit cut off.
    """

    def __init__(self) -> None:
        self.wasted_s = 0.0
        self._limits: list[int] = []
        self._cut = self._hurried = self._unthought = 0

    def answered(self, limit: int, took_s: float, *, cut: bool) -> None:
        """Take an answer that took `took_s` and might have `limit` tokens."""
        if limit >= MOST_TOKENS:
            return
        self._limits.append(limit)
        if cut:
            self._cut += 1
            self.wasted_s += took_s

    def hurried(self) -> None:
        """Note that the model was told that time is short."""
        self._hurried += 1

    def unthought(self) -> None:
        """Note a thinking call that was left out."""
        self._unthought += 1

    @property
    def detail(self) -> str:
        """Return the account in words; empty where the deadline was far."""
        limits = self._limits
        parts = (
            f"{len(limits)} answers limited, to {min(limits)} tokens at least" if limits else "",
            f"{self._cut} cut off by it" if self._cut else "",
            f"told {self._hurried} times that time is short" if self._hurried else "",
            f"{self._unthought} thoughts left out" if self._unthought else "",
        )
        return "; ".join(filter(None, parts))
