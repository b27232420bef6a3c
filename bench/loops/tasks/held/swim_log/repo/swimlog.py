"""A log of swims: who swam which distance on which day, and how fast."""

from collections import namedtuple
from datetime import date

Swim = namedtuple("Swim", "day metres seconds stroke")


def seconds_of(text):
    """Read "1:32.5" as seconds."""
    minutes, seconds = text.split(":")
    return int(minutes) * 60 + float(seconds)


def read_swim(line):
    """Read a line such as "2026-03-02 100 1:32.5 crawl"."""
    day, metres, time, stroke = line.split()
    if int(metres) % 25 != 0:
        raise ValueError(f"{metres} m is no number of lengths")
    return Swim(date.fromisoformat(day), int(metres), seconds_of(time), stroke)


def pace(swim):
    """Return the seconds per 100 metres."""
    return swim.seconds * 100 / swim.metres


def by_distance(swims):
    """Return {metres: swims}, in the order of the log."""
    groups = {}
    for swim in swims:
        groups.setdefault(swim.metres, []).append(swim)
    return groups


def quick_days(swims, limit):
    """Return the days on which at least 100 metres were swum with a pace below the limit."""
    return [swim.day for swim in swims if swim.metres >= 100 and pace(swim) < limit]
