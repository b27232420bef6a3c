"""Loans of a library: due dates, renewals and late fees."""

from datetime import timedelta

LOAN_DAYS = {"book": 28, "film": 7, "game": 14}
RENEWALS = 2
FREE_DAYS = 1
CENTS_PER_DAY = 20
MAXIMUM_CENTS = 600
SUNDAY = 6


def due_date(kind, lent):
    """Return when an item is due; on Sundays the library is closed, so the day after."""
    due = lent + timedelta(days=LOAN_DAYS[kind])
    if due.weekday() == SUNDAY:
        due += timedelta(days=1)
    return due


def renew(kind, due, renewed):
    """Return the due date after one more renewal."""
    if renewed >= RENEWALS:
        raise ValueError("cannot be renewed again")
    return due_date(kind, due)


def days_late(due, returned):
    """Return how many days after its due date an item came back, 0 if it was in time."""
    return max(0, (returned - due).days + 1)


def late_fee(due, returned):
    """Return the fee of an item in cents."""
    charged = max(0, days_late(due, returned) - FREE_DAYS)
    return min(charged * CENTS_PER_DAY, MAXIMUM_CENTS)


def total_fee(returns):
    """Return the fee of (due, returned) pairs."""
    return sum(late_fee(due, returned) for due, returned in returns)
