"""Members of the chess club and how they stand in the evening tournament."""


class Player:
    def __init__(self, name, rating=1000):
        self.name = name
        self.rating = rating
        self.half_points = 0
        self.colours = ""
        self.met = set()
        self.had_bye = False

    def __repr__(self):
        return f"<{self.name} {self.half_points / 2:g}>"

    @property
    def balance(self):
        """Games with white minus games with black."""
        return self.colours.count("W") - self.colours.count("B")

    @property
    def last_colour(self):
        """Colour of the round before, "" for a newcomer."""
        return self.colours[:1]

    def sit_out(self):
        """Take the bye, which is a full point."""
        self.had_bye = True
        self.half_points += 2


def standing(players):
    """Return the players by points, rating and name, the best first."""
    return sorted(players, key=lambda p: (-p.half_points, -p.rating, p.name))


def record(white, black, result):
    """Enter a game; result is "1-0", "0-1" or "=" as on the score sheet."""
    for_white = {"1-0": 2, "=": 1, "0-1": 0}[result]
    white.half_points += for_white
    black.half_points += 2 - for_white
    white.colours += "W"
    black.colours += "B"
    white.met.add(black.name)
    black.met.add(white.name)
