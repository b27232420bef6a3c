"""The till, where a basket is paid."""

from __future__ import annotations

from shop.basket import Basket


class NotEnough(Exception):
    """Less was given than is to be paid."""


def change_for(basket: Basket, given: int) -> int:
    """Return the change, in cents. Raises NotEnough."""
    due = basket.total()
    if given < due:
        raise NotEnough(f"{due - given} cents are missing")
    return given - due
