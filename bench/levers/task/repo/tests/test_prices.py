"""Prices and how they are printed."""

from __future__ import annotations

import pytest

from shop.prices import price_of, shown


def test_cents_have_two_digits() -> None:
    assert shown(1_205) == "12.05"


def test_what_is_not_sold_has_no_price() -> None:
    with pytest.raises(KeyError):
        price_of("gold")
