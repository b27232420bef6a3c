"""One expense of a journey."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Expense:
    day: str
    category: str
    amount: int
    currency: str = "EUR"


def read_expense(line):
    """Read `2026-01-09, taxi, 18.50, EUR`; amounts become cents."""
    day, category, amount, *rest = (part.strip() for part in line.split(","))
    whole, _, cents = amount.partition(".")
    value = int(whole) * 100 + int(cents.ljust(2, "0") or 0)
    return Expense(day, category.lower(), value, rest[0].upper() if rest else "EUR")
