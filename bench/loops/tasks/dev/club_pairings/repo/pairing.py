"""Pair the next round: neighbours in the standing play each other, nobody twice."""

from club import standing


class NoPairing(Exception):
    """Everybody left has met everybody else."""


def seat(upper, lower):
    """Return (white, black) of two players, `upper` being the higher in the standing.

    White goes to the one with fewer whites so far, then to the one who had black in the
    round before, then to the higher player.
    """
    if upper.balance != lower.balance:
        return (upper, lower) if upper.balance < lower.balance else (lower, upper)
    if {upper.last_colour, lower.last_colour} == {"W", "B"}:
        return (lower, upper) if upper.last_colour == "W" else (upper, lower)
    return upper, lower


def take_bye(players):
    """Return the lowest player who had no bye yet."""
    return next(player for player in reversed(players) if not player.had_bye)


def pair_round(players):
    """Return (boards, bye): a list of (white, black), and the player who sits out or None."""
    waiting = standing(players)
    bye = take_bye(waiting) if len(waiting) % 2 else None
    if bye is not None:
        waiting.remove(bye)
    boards = _pair(waiting)
    if boards is None:
        raise NoPairing(f"no pairing without a repeated game among {len(waiting)} players")
    return [seat(*pair) for pair in boards], bye


def _pair(waiting):
    if not waiting:
        return []
    first, *others = waiting
    for other in others:
        if other.name in first.met:
            continue
        rest = _pair([player for player in others if player is not other])
        if rest is not None:
            return [(first, other), *rest]
    return None
