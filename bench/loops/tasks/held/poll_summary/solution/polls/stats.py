"""Figures of a poll in which people give one to five points."""

from collections import Counter
from typing import NamedTuple


class Summary(NamedTuple):
    """The figures of a poll; `top` is the answer given most often."""

    count: int
    mean: float
    top: int


def valid(answers):
    """Return the answers that count."""
    return [answer for answer in answers if 1 <= answer <= 5]


def summary(answers):
    """Return number, mean and most frequent of the valid answers."""
    counted = valid(answers)
    if not counted:
        return Summary(0, 0.0, 0)
    mean = round(sum(counted) / len(counted), 2)
    top = min(Counter(counted).items(), key=lambda pair: (-pair[1], -pair[0]))[0]
    return Summary(len(counted), mean, top)
