"""Pairings of a club evening."""


def pair_up(history, members):
    """Return (pairs, members who sit out): each plays the next in standing they never met."""
    waiting = history.standing(members)
    pairs, idle = [], []
    while waiting:
        member = waiting.pop(0)
        rivals = [other for other in waiting if not history.have_met(member, other)]
        if not rivals:
            idle.append(member)
            continue
        waiting.remove(rivals[0])
        pairs.append((member, rivals[0]))
    return pairs, idle
