"""What a basket costs."""

from __future__ import annotations

import pytest

from shop.basket import Basket
from shop.vouchers import Voucher


def basket(*products: str, vouchers: tuple[Voucher, ...] = ()) -> Basket:
    filled = Basket()
    for product in products:
        filled.add(product)
    for voucher in vouchers:
        filled.redeem(voucher)
    return filled


def test_products_add_up() -> None:
    assert basket("apple", "apple", "milk").total() == 195


def test_less_than_one_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="cannot add 0"):
        basket().add("apple", 0)


def test_a_voucher_counts() -> None:
    assert basket("bread", vouchers=(Voucher(percent=10),)).total() == 288


def test_only_the_best_voucher_counts() -> None:
    vouchers = (Voucher(cents=50), Voucher(percent=25), Voucher(cents=20))
    assert basket("cheese", vouchers=vouchers).total() == 420


def test_nothing_is_paid_out() -> None:
    assert basket("apple", vouchers=(Voucher(cents=100),)).total() == 0


def test_the_receipt_has_a_line_for_each_product() -> None:
    assert basket("apple", "apple").receipt() == "2 apple 0.80\nto pay 0.80"
