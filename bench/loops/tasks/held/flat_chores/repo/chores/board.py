"""The board in the kitchen."""

from dataclasses import dataclass

from chores.plan import share_out


@dataclass(frozen=True)
class Flat:
    people: list
    chores: list


def board(flat, week):
    """Return one line per person."""
    plan = share_out(flat.people, flat.chores, week)
    return [f"{person}: {', '.join(chores) or 'free'}" for person, chores in plan.items()]


def free(flat, week):
    """Return the people who have nothing to do in a week."""
    return [
        person for person, chores in share_out(flat.people, flat.chores, week).items() if not chores
    ]
