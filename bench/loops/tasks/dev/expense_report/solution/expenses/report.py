"""Sums per category, as table and as text."""

from expenses.model import read_expense


def read_report(text):
    """Read all expenses of a text."""
    return [read_expense(line) for line in text.splitlines() if line.strip()]


def summarize(expenses, currency=None):
    """Return {category: cents}, the largest first; only one currency where it is given."""
    totals = {}
    for expense in expenses:
        if currency is not None and expense.currency != currency:
            continue
        totals[expense.category] = totals.get(expense.category, 0) + expense.amount
    return dict(sorted(totals.items(), key=lambda pair: -pair[1]))


def render(totals):
    """Return aligned lines of a summary."""
    width = max((len(name) for name in totals), default=0)
    return [f"{name.ljust(width)} {cents / 100:8.2f}" for name, cents in totals.items()]
