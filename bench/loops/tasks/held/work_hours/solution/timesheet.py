"""Timesheets: who worked from when to when, per ISO week."""

from collections import namedtuple
from datetime import date

Entry = namedtuple("Entry", "day start end pause")


def minutes_of(clock):
    """Read "8:30" as minutes since midnight."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def worked(entry):
    """Return the minutes worked in an entry, pauses not counted."""
    minutes = minutes_of(entry.end) - minutes_of(entry.start) - entry.pause
    if minutes < 0:
        raise ValueError(f"entry of {entry.day} ends before it starts")
    return minutes


def week_of(day: date):
    """Return the ISO week of a day, such as "2026-W07"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def per_week(entries):
    """Return {week: minutes worked}."""
    totals = {}
    for entry in entries:
        week = week_of(entry.day)
        totals[week] = totals.get(week, 0) + worked(entry)
    return totals


def overtime(entries, weekly_minutes):
    """Return {week: minutes beyond weekly_minutes}, only for weeks with overtime."""
    return {
        week: minutes - weekly_minutes
        for week, minutes in per_week(entries).items()
        if minutes > weekly_minutes
    }


def missing_pauses(entries):
    """Return the days on which more than six hours were worked with less than 30 min pause."""
    return [entry.day for entry in entries if worked(entry) > 360 and entry.pause < 30]
