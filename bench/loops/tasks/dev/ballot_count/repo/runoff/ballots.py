"""Ballots of an election by ranks, one per line: "Ada > Bo > Cy" or "12: Ada > Bo"."""

from collections import Counter
from collections.abc import Iterable

Ranking = tuple[str, ...]


def read_ballots(lines: Iterable[str]) -> Counter[Ranking]:
    """Return how often each ranking was cast; empty lines are skipped."""
    cast: Counter[Ranking] = Counter()
    for line in lines:
        number, colon, names = line.rpartition(":")
        ranking = tuple(name.strip() for name in names.split(">"))
        if ranking == ("",):
            continue
        if len(set(ranking)) < len(ranking):
            raise ValueError(f"somebody is ranked twice: {line.strip()}")
        cast[ranking] += int(number) if colon else 1
    return cast


def candidates(cast: Counter[Ranking]) -> set[str]:
    """Return everybody who is named on a ballot."""
    return {name for ranking in cast for name in ranking}
