"""Divide the tips of an evening by the time that people worked."""

from tips.shifts import parse_board, per_person

KITCHEN_PERCENT = 20


def split_cents(total, minutes):
    """Return the share of each in cents. All cents are given away.

    What does not divide evenly goes out one cent each, longest worker first.
    """
    worked = sum(minutes)
    if worked == 0:
        raise ValueError("nobody worked")
    shares = [total * part // worked for part in minutes]
    left_over = total - sum(shares)
    longest = sorted(range(len(minutes)), key=lambda person: minutes[person], reverse=True)
    for place, person in enumerate(longest):
        if place < left_over:
            shares[place] += 1
    return shares


def evening(board, total):
    """Return {name: cents} for the service, and the kitchen's part under 'kitchen'."""
    kitchen = total * KITCHEN_PERCENT // 100
    people = per_person(parse_board(board))
    shares = split_cents(total - kitchen, [person.minutes for person in people])
    return {"kitchen": kitchen} | {
        person.name: share for person, share in zip(people, shares, strict=True)
    }
