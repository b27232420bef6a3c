"""How long a tool was out."""

import math
from datetime import datetime, timedelta

GRACE = timedelta(minutes=15)
FORMAT = "%Y-%m-%d %H:%M"


def parse(text):
    return datetime.strptime(text, FORMAT)


def billed_hours(out, back):
    """Return the hours to bill: each started hour counts, a quarter of an hour is free."""
    if back < out:
        raise ValueError(f"back at {back} before it went out at {out}")
    spent = max(back - out - GRACE, timedelta(0))
    return max(math.ceil(spent.total_seconds() / 3600), 1)


def is_late(back, due):
    return back > due + GRACE
