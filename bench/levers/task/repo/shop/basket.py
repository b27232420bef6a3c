"""What a customer wants to buy, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator

from shop.prices import price_of, shown
from shop.vouchers import Voucher


class Basket:
    """Products and how many of each, in the order in which they were added.

    A product that is added again joins its line. Sums are in cents.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._vouchers: list[Voucher] = []

    def add(self, product: str, count: int = 1) -> None:
        """Put some of a product into the basket. Raises ValueError for less than one."""
        if count < 1:
            raise ValueError(f"cannot add {count} of {product}")
        self._counts[product] = self._counts.get(product, 0) + count

    def redeem(self, voucher: Voucher) -> None:
        """Take a voucher into account."""
        self._vouchers.append(voucher)

    def lines(self) -> Iterator[tuple[str, int, int]]:
        """Yield each product with its count and the price of all of it, in cents."""
        for product, count in self._counts.items():
            yield product, count, count * price_of(product)

    def total(self) -> int:
        """Return what is to be paid, in cents."""
        total = sum(price for _, _, price in self.lines())
        for voucher in self._vouchers:
            total -= voucher.worth(total)
        return total

    def receipt(self) -> str:
        """Return the receipt, a line for each product."""
        lines = [f"{count} {name} {shown(price)}" for name, count, price in self.lines()]
        return "\n".join([*lines, f"to pay {shown(self.total())}"])
