"""The pace of tool calls, of which a stream does not show every token."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.probe.counting import Counter
from hotloop.probe.decode import token_s
from hotloop.probe.fit import Line, median
from hotloop.probe.sample import Sample

SOON = 0.25
"""A first chunk with only the role comes with the first token if it leads it by less than this
share of a token's time."""


def in_one_piece(sample: Sample) -> bool:
    """Whether the arguments of an answer's tool calls did not stream."""
    return max((call.pieces for call in sample.calls), default=0) < 3


def tool_token_s(
    sample: Sample, plain: Sequence[Sample], counter: Counter, line: Line | None
) -> float | None:
    """Return a tool call's seconds per token; None for other answers and where it is not known.

    Servers keep back the tokens that begin, name and end a call, so its time runs from the first
    token, which the role's chunk marks where it does in `plain` answers, to the end. Elsewhere,
    and without token counts to be trusted, what streams is timed; of arguments that come in one
    piece the first token follows from the fit of the time to first token.
    """
    tokens = counter.output(sample)
    if not sample.calls or not sample.timed or tokens < 2:
        return None
    end_s = sample.marks.end_s
    if counter.trusted and end_s is not None and _role_marks_first(plain, counter):
        first_s = sample.marks.first_byte_s or sample.start_s
        return max(0.0, (end_s - first_s) / (tokens - 1 + _after_last_tokens(plain, counter)))
    if not in_one_piece(sample):
        return token_s(sample, counter)
    if line is None:
        return None
    first_s = sample.start_s + line.at(counter.input(sample) - (counter.cached(sample) or 0))
    return max(0.0, (sample.piece_s[-1] - first_s) / (tokens - 1))


def _role_marks_first(plain: Sequence[Sample], counter: Counter) -> bool:
    leads = [
        (s.marks.first_token_s - s.marks.first_byte_s) / pace_s
        for s in plain
        if s.marks.first_token_s and s.marks.first_byte_s and (pace_s := token_s(s, counter))
    ]
    return bool(leads) and median(leads) < SOON


def _after_last_tokens(plain: Sequence[Sample], counter: Counter) -> float:
    """Return what passes between the last token of an answer and its end, in times of a token.

    Some servers decode one more token, which ends the answer; others are done with the last one.
    """
    rests = [
        (s.marks.end_s - s.piece_s[-1]) / pace_s
        for s in plain
        if s.timed and s.marks.end_s and (pace_s := token_s(s, counter))
    ]
    return median(rests) if rests else 0.0
