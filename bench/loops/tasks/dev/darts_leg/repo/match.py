"""A match: two players take turns until somebody has won a leg."""

from leg import START, is_checkout, visit_points


class Match:
    def __init__(self, *players):
        self.left = dict.fromkeys(players, START)
        self.visits = dict.fromkeys(players, 0)
        self.winner = None

    def throws(self, player, *throws):
        """Count a visit and return what the player has left; too many points do not count."""
        if self.winner is not None:
            raise RuntimeError(f"{self.winner} has won already")
        self.visits[player] += 1
        if is_checkout(self.left[player], throws):
            self.left[player] = 0
            self.winner = player
            return 0
        left = self.left[player] - visit_points(throws)
        if left > 1:
            self.left[player] = left
        return self.left[player]

    def average(self, player):
        """Return the points per visit, rounded to one decimal."""
        if not self.visits[player]:
            return 0.0
        return round((START - self.left[player]) / self.visits[player], 1)
