"""The vouchers of a shop."""

from dataclasses import dataclass

from vouchers.codes import is_well_formed, tidy


class UnknownVoucher(LookupError):
    """There is no such voucher."""


@dataclass
class Voucher:
    cents: int
    used: bool = False


class Store:
    """Vouchers by code."""

    def __init__(self):
        self._vouchers = {}

    def issue(self, code, cents):
        if not is_well_formed(code):
            raise ValueError(f"malformed code {code!r}")
        self._vouchers[code] = Voucher(cents)

    def get(self, typed):
        """Return the voucher of a typed code."""
        code = tidy(typed)
        if code not in self._vouchers:
            raise UnknownVoucher(typed)
        return self._vouchers[code]
