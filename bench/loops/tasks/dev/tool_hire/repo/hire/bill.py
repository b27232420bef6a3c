"""The bill for one hire."""

from hire.catalogue import get
from hire.period import billed_hours, is_late, parse

LATE_FEE = 1500
HOURS_PER_DAY = 24


def rent(tool, hours):
    """Return the rent; the hours of a day never cost more than the day."""
    days, rest = divmod(hours, HOURS_PER_DAY)
    return days * tool.per_day + min(rest * tool.per_hour, tool.per_day)


def bill(name, out, back, due=None):
    """Return {item: cents} of a hire; times are texts like "2024-05-03 12:00"."""
    tool = get(name)
    out, back = parse(out), parse(back)
    items = {"rent": rent(tool, billed_hours(out, back))}
    if due is not None and is_late(back, parse(due)):
        items["late fee"] = LATE_FEE
    items["deposit back"] = -tool.deposit
    return items
