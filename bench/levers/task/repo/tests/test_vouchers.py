"""What vouchers are worth."""

from __future__ import annotations

from shop.vouchers import Voucher


def test_a_share_is_rounded_down() -> None:
    assert Voucher(percent=33).worth(100) == 33


def test_a_sum_does_not_depend_on_what_is_bought() -> None:
    assert Voucher(cents=50).worth(1_000) == 50
