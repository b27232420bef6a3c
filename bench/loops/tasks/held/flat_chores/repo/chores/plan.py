"""Chores shared out among the people of a flat, week by week."""


def order(people, week):
    """Return who begins in a week: everybody moves up by one."""
    start = week % len(people)
    return people[start:] + people[:start]


def share_out(people, chores, week=0):
    """Return {person: chores}; people take turns until no chore is left."""
    plan = dict.fromkeys(people, [])
    turns = order(people, week)
    for number, chore in enumerate(chores):
        plan[turns[number % len(turns)]].append(chore)
    return plan
