"""Cheap candidates for a fix: where a model that copies code would rather write another token.

A small model asked for a corrected definition mostly copies it. The probabilities of the tokens it
did not write say what it doubts: at each position of the copy, the likeliest other tokens are
candidates for the fix, ranked by the model itself. One pass over the definition thus yields dozens
of one-token candidates without another call; a short call per candidate completes its line.
Related: mutation-based repair ranked by a language model (Xia and Zhang, "Less Training, More
Repairing Please", 2022, scores cloze candidates by likelihood).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from hotloop.backend.types import TokenScore

LEAST_PROBABILITY = 0.002
_PREFIXES = ("not", "-", "!", "~")
_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+|$)")


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """Another token at a place of the source: `probability` by the model, `offset` in characters.

    `original` is the text that it stands instead of. `is_line_start` says that only white space
    is before it on its line, so that it may also begin a new line.
    """

    probability: float
    offset: int
    original: str
    token: str
    is_line_start: bool = False


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """How far an answer copied the source, and what it doubted on the way.

    `end` is the offset where it first wrote something else, None where it copied to the end.
    """

    deviations: tuple[Deviation, ...]
    end: int | None


def read_copy(source: str, start: int, scores: Sequence[TokenScore]) -> Copy:
    """Compare an answer's tokens with `source` from offset `start` on.

    The token that leaves the source is a deviation too, with its probability.
    """
    found: list[Deviation] = []
    at = start
    for score in scores:
        if at >= len(source):
            break
        copied = source.startswith(score.text, at)
        original = score.text if copied else _word(source, at)
        others = score.alternatives if copied else (*score.alternatives, _own(score))
        found += _deviations(source, at, original, others)
        if not copied:
            return Copy(deviations=_unique(found), end=at)
        at += len(score.text)
    return Copy(deviations=_unique(found), end=None)


def _own(score: TokenScore) -> tuple[str, float]:
    return score.text, score.logprob


def _word(source: str, at: int) -> str:
    match = _WORD.match(source, at)
    return match.group() if match else ""


def _deviations(
    source: str, at: int, original: str, others: Sequence[tuple[str, float]]
) -> list[Deviation]:
    line_start = not source[source.rfind("\n", 0, at) + 1 : at].strip()
    return [
        Deviation(
            probability=math.exp(logprob),
            offset=at,
            original=original,
            token=token,
            is_line_start=line_start,
        )
        for token, logprob in others
        if math.exp(logprob) >= LEAST_PROBABILITY and not source.startswith(token, at)
    ]


def _unique(found: Sequence[Deviation]) -> tuple[Deviation, ...]:
    best: dict[tuple[int, str], Deviation] = {}
    for one in found:
        key = (one.offset, one.token)
        if key not in best or best[key].probability < one.probability:
            best[key] = one
    return tuple(sorted(best.values(), key=lambda one: -one.probability))


def readings(source: str, deviation: Deviation) -> list[str]:
    """Return what the source may become by the token alone, no call needed, likeliest first.

    The token stands instead of what was there; or what is before its next place on the line, or
    on the next line, was too much; or it is a sign or a `not` that was missing.
    """
    head = source[: deviation.offset]
    token, line_end, _ = deviation.token.partition("\n")
    if line_end:
        return [head + token + source[_line_end(source, deviation.offset) :]]
    texts = [head + token + source[deviation.offset + len(deviation.original) :]]
    texts += _shortened(source, deviation)
    if token.strip() in _PREFIXES:
        texts.append(
            head + token + source[deviation.offset :].removeprefix(" " * (token[0] != " "))
        )
    return texts


def _shortened(source: str, deviation: Deviation) -> list[str]:
    """Return the source without what is between the offset and the token's next place."""
    word = deviation.token.strip()
    if not word:
        return []
    head, end = source[: deviation.offset], _line_end(source, deviation.offset)
    found = re.compile(rf"(?<!\w){re.escape(word)}").search(source, deviation.offset + 1, end)
    if found:
        space = deviation.token[: len(deviation.token) - len(deviation.token.lstrip())]
        return [head + space + source[found.start() :]]
    following = source[end + 1 :].lstrip()
    if deviation.is_line_start and following.startswith(word):
        line_start = source.rfind("\n", 0, deviation.offset) + 1
        return [source[:line_start] + source[end + 1 :]]
    return []


def completed(source: str, deviation: Deviation, rest_of_line: str) -> list[str]:
    """Return the source with the token and the rest of its line as the model goes on.

    At the start of a line both readings are returned: instead of the old line, and before it.
    """
    head = source[: deviation.offset] + deviation.token + rest_of_line
    end = _line_end(source, deviation.offset)
    texts = [head + source[end:]]
    if deviation.is_line_start:
        line_start = source.rfind("\n", 0, deviation.offset) + 1
        texts.append(f"{head}\n{source[line_start:]}")
    return texts


def opens_block(line: str) -> bool:
    """Say whether a line opens a block of further lines."""
    return line.rstrip().endswith((":", "{"))


def block_of(begun: str, text: str) -> str:
    """Return those lines of `text` that are in the block which the last line of `begun` opens.

    With the brace that closes it; empty where the block has no line.
    """
    opener = begun.rsplit("\n", 1)[-1]
    depth = _indent(opener)
    inside: list[str] = []
    for line in text.split("\n"):
        if not line.strip() or _indent(line) <= depth:
            if line.strip() == "}" and inside:
                inside.append(line)
            break
        inside.append(line)
    return "".join(f"\n{line}" for line in inside)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def next_start(source: str, at: int) -> int:
    """Return where copying goes on when the answer left the source at `at`: behind that word."""
    return at + max(1, len(_word(source, at)))


def _line_end(source: str, at: int) -> int:
    end = source.find("\n", at)
    return len(source) if end < 0 else end
