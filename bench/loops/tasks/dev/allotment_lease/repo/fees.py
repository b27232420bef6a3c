"""What a plot costs."""

from lease import Lease

CENTS_PER_SQUARE_METRE = 45
WATER_CENTS = 3600


def yearly_fee(square_metres: int, *, tap: bool) -> int:
    """Return the cents for one year; plots with a tap pay for water as well."""
    return square_metres * CENTS_PER_SQUARE_METRE + (WATER_CENTS if tap else 0)


def fee_of(lease: Lease, square_metres: int, *, tap: bool = False) -> int:
    """Return the cents for a whole lease; from five years on, the last one is half price."""
    fee = yearly_fee(square_metres, tap=tap)
    total = fee * lease.years
    if lease.years >= 5:
        total -= fee // 2
    return total
