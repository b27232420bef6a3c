"""Lever `budget`: the deadline decides how much the model may still say.

The length limit of an answer is what can be decoded in the time left; when only the time for a
change and its tests is left, the model is told to make it.
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
