"""Answers that a model nearly gave: where another token was likely, an answer goes on from there.

Sampled answers to one question are mostly the same answer. The tokens that a model nearly wrote
are where it sees another way, and the most likely of them come first: a best-first walk through
its distribution (as stack decoding, Jelinek 1969), without the same answer twice.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence

import msgspec

from hotloop.backend.types import TokenScore
from hotloop.loop.candidates import comment_sign

_LEAST_PROBABILITY = 0.05
_FENCE = "```"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to go on with: `text` is written, then behind each of `heads` a definition.

    `is_free` says that the answer has any form; else its definitions are in fenced blocks.
    """

    likelihood: float
    text: str
    heads: tuple[str, ...] = ()
    is_free: bool = False


class Drafts:
    """Answers to go on with, the likeliest first."""

    def __init__(self, path: str, first: Sequence[Draft]) -> None:
        self._path = path
        self._again = itertools.cycle(first)
        self._heap: list[tuple[float, int, Draft]] = []
        self._count = 0
        for one in first:
            self._add(one)

    def next(self) -> Draft | None:
        """Take the likeliest draft; None when there is none left."""
        return heapq.heappop(self._heap)[-1] if self._heap else None

    def again(self) -> Draft:
        """Return one of the first drafts, in turn: to be sampled."""
        return next(self._again)

    def nearly(self, draft: Draft, scores: Sequence[TokenScore]) -> None:
        """Take in what the answer behind `draft` nearly was."""
        for text, probability in _turns(self._path, draft.text, scores):
            likelihood = draft.likelihood * probability
            self._add(msgspec.structs.replace(draft, likelihood=likelihood, text=text))

    def _add(self, draft: Draft) -> None:
        self._count += 1
        heapq.heappush(self._heap, (-draft.likelihood, self._count, draft))


def _turns(path: str, text: str, scores: Sequence[TokenScore]) -> Iterator[tuple[str, float]]:
    """Yield the text up to each other token that was likely, and its probability."""
    begin = len(text)
    for score in scores:
        if f"\n{_FENCE}" in text[begin:]:
            return
        if not _is_remark(path, text):
            for token, logprob in score.alternatives:
                probability = math.exp(logprob)
                if probability >= _LEAST_PROBABILITY and _is_other(path, token, score.text):
                    yield text + token, probability
        text += score.text


def _is_remark(path: str, text: str) -> bool:
    """Say whether a text ends in a comment, or on a line that begins with a string."""
    line = text.rpartition("\n")[2]
    return comment_sign(path) in line or line.lstrip().startswith(('"', "'", "/*", "*"))


def _is_other(path: str, token: str, written: str) -> bool:
    """Say whether a token says something else than the one that was written."""
    word = token.strip()
    return word != written.strip() and not word.startswith((comment_sign(path), _FENCE, '"""'))
