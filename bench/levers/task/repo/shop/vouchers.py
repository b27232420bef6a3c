"""Vouchers: a fixed sum, or a share of what is bought."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Voucher:
    """`cents` off, and `percent` of the sum off."""

    cents: int = 0
    percent: int = 0

    def worth(self, total: int) -> int:
        """Return what the voucher takes off a sum, in cents, rounded down."""
        return self.cents + total * self.percent // 100
