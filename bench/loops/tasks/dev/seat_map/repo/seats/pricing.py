"""Seat prices by row: the front is dearer."""

BASE_CENTS = 2400


def row_price(index):
    """Return the price of a seat in a row, in cents; never below half the base price."""
    return max(BASE_CENTS - 200 * index, BASE_CENTS // 2)


def group_price(index, size):
    """Return the price of a group in one row; from six people on, one seat is free."""
    paying = size - 1 if size >= 6 else size
    return paying * row_price(index)
