"""Shifts as they are written on the board: "Ana 17:00-23:30"."""

import re
from dataclasses import dataclass

LINE = re.compile(r"(?P<name>\S.*?)\s+(?P<from>\d+:\d\d)\s*-\s*(?P<to>\d+:\d\d)\s*$")


@dataclass
class Shift:
    name: str
    minutes: int


def _minute(text):
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def parse_board(text):
    """Yield the shifts of a board; lines with '#' in front and empty lines are skipped."""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.match(line)
        if match is None:
            raise ValueError(f"line {number}: cannot read {line!r}")
        # a shift that ends after midnight ends on the next day
        length = (_minute(match["to"]) - _minute(match["from"])) % (24 * 60)
        yield Shift(match["name"], length)


def per_person(shifts):
    """Add up the shifts of each person."""
    people = {}
    for shift in shifts:
        if shift.name in people:
            people[shift.name].minutes += shift.minutes
        else:
            people[shift.name] = Shift(shift.name, shift.minutes)
    return list(people.values())
