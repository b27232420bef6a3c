"""What was played so far."""

from collections import Counter
from dataclasses import dataclass, field

from club.games import pair_key, points


@dataclass
class History:
    """Points by member, and how often two members have met."""

    points: Counter = field(default_factory=Counter)
    meetings: Counter = field(default_factory=Counter)

    def record(self, white, black, result):
        """Write down a game."""
        for_white, for_black = points(result)
        self.points[white] += for_white
        self.points[black] += for_black
        self.meetings[pair_key(white, black)] += 1

    def have_met(self, one, other):
        """Tell whether two members have played each other."""
        return self.meetings[pair_key(one, other)] > 0

    def standing(self, members):
        """Return the members, those with the most points first, then by name."""
        return sorted(members, key=lambda member: (-self.points[member], member))
