"""Count in rounds: who has the fewest votes is out, until somebody has more than half."""

from collections import Counter
from typing import NamedTuple

from runoff.ballots import Ranking, candidates


class Round(NamedTuple):
    """The votes of one round; `out` is None in the round that decides."""

    votes: dict[str, int]
    out: str | None


def tally(cast: Counter[Ranking], standing: set[str]) -> dict[str, int]:
    """Return the votes of each candidate who stands: ballots count for their best one."""
    votes = dict.fromkeys(sorted(standing), 0)
    for ranking, number in cast.items():
        best = next((name for name in ranking if name in standing), None)
        if best is not None:
            votes[best] += number
    return votes


def weakest(votes: dict[str, int]) -> str:
    """Return who is out; of equals, the last one in the alphabet."""
    return min(reversed(votes), key=lambda name: votes[name])


def count(cast: Counter[Ranking]) -> list[Round]:
    """Return the rounds of an election, the last one with the winner on top."""
    standing = candidates(cast)
    if not standing:
        raise ValueError("no ballots")
    rounds = []
    while True:
        votes = tally(cast, standing)
        if max(votes.values()) * 2 > sum(votes.values()):
            rounds.append(Round(votes, None))
            return rounds
        rounds.append(Round(votes, weakest(votes)))
        standing.remove(rounds[-1].out)


def winner(cast: Counter[Ranking]) -> str:
    """Return who is elected."""
    votes = count(cast)[-1].votes
    return max(votes, key=lambda name: votes[name])
