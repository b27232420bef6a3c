"""What the house earns."""

from collections.abc import Iterable

from auction.lot import Lot

PREMIUM_PERCENT = 24


def hammer_total(lots: Iterable[Lot]) -> int:
    """Close all lots and return the sum of the bids that won."""
    return sum(bid.amount for bid in (lot.close() for lot in lots) if bid is not None)


def invoice(lots: Iterable[Lot], bidder: str) -> list[str]:
    """Return the lines of a bidder's invoice, the premium included."""
    lines = []
    total = 0
    for lot in lots:
        bid = lot.close()
        if bid is None or bid.bidder != bidder:
            continue
        cents = bid.amount * (100 + PREMIUM_PERCENT)
        total += cents
        lines.append(f"{lot.title}: {cents / 100:.2f}")
    return [*lines, f"Total: {total / 100:.2f}"]
