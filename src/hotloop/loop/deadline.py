"""The deadline in a conversation: lever `budget`."""

from __future__ import annotations

from hotloop.ledger.events import LeverAccount
from hotloop.levers.budget import MOST_TOKENS, BudgetAccount, hurry, limit_tokens
from hotloop.loop.caller import CallResult
from hotloop.loop.parts import Parts

_DECODE_TOKENS_PER_S = 100.0


class Deadline:
    """How much the model may still say. `tests_s` is what a run of all tests takes.

    `is_short` says that it was told to act, because time is short.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rate = _DECODE_TOKENS_PER_S
        self._limit = MOST_TOKENS
        self._account = BudgetAccount()
        self.tests_s = 0.0
        self.is_short = False

    def limit(self, tokens_per_s: float | None = None) -> int:
        """Return how many tokens the next answer may have, at the rate of its backend.

        By default that of the latest answer.
        """
        self._limit = MOST_TOKENS
        if self._parts.has("budget"):
            self._limit = limit_tokens(self._parts.clock.budget.left_s, tokens_per_s or self._rate)
        return self._limit

    def answered(self, result: CallResult) -> None:
        """Take the answer to the request that was limited last."""
        self._rate = result.tokens_per_s or self._rate
        self._account.answered(self._limit, result.took_s, cut=result.was_cut)

    def hurry(self) -> list[str]:
        """Return what the model is told when time is short."""
        budget = self._parts.clock.budget
        if not self._parts.has("budget"):
            return []
        text = hurry(budget.left_s, budget.total_s, self._rate, self.tests_s)
        self.is_short = bool(text)
        if text:
            self._account.hurried()
        return [text] if text else []

    def unthought(self) -> None:
        """Note a thinking call that was left out."""
        self._account.unthought()

    def close(self) -> None:
        """Tell what the lever did, if it did something."""
        if detail := self._account.detail:
            clock, wasted_s = self._parts.clock, self._account.wasted_s
            clock.emit(
                LeverAccount(t_s=clock.now_s(), lever="budget", wasted_s=wasted_s, detail=detail)
            )
