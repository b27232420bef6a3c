"""Amounts of money as Decimal, rounded to whole cents the commercial way."""

from decimal import Decimal


def to_amount(text):
    """Read an amount such as "1,204.50"."""
    return Decimal(text.replace(",", "").strip())


def to_cents(amount):
    """Round an amount to whole cents."""
    return round(amount, 2)


def percent(amount, rate):
    """Return `rate` percent of an amount, rounded to cents."""
    return to_cents(amount * rate / 100)
