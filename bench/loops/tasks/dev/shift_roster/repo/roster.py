"""Rotating shift rosters: every day the next person of a crew takes the shift."""

from datetime import date, timedelta

SHIFTS = ("early", "late", "night")


class EmptyCrew(ValueError):
    """A shift has nobody to work it."""


def person_on(crew, day_number, offset=0):
    """Return who works on a day; the crew takes turns, beginning at `offset`."""
    if not crew:
        raise EmptyCrew("a crew needs at least one person")
    return crew[(day_number + offset + 1) % len(crew)]


def roster(crews, first_day, days, offsets=None):
    """Return one row per day: (date, {shift: person})."""
    offsets = offsets or {}
    rows = []
    for number in range(days):
        day = first_day + timedelta(days=number)
        people = {
            shift: person_on(crews[shift], number, offsets.get(shift, 0))
            for shift in SHIFTS
            if shift in crews
        }
        rows.append((day, people))
    return rows


def shifts_of(rows, person):
    """Return the (date, shift) pairs that a person works."""
    return [
        (day, shift)
        for day, people in rows
        for shift, who in people.items()
        if who == person
    ]


def double_booked(rows):
    """Return the dates on which somebody works more than one shift."""
    return [day for day, people in rows if len(set(people.values())) < len(people)]


def week_start(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())
