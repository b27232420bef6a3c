"""Goods are stored in lots; what comes in first goes out first."""

from dataclasses import dataclass


@dataclass
class Lot:
    number: str
    quantity: int
    cents_each: int


class NotEnough(Exception):
    """The warehouse holds less than was asked for."""


class Shelf:
    """The lots of one article."""

    def __init__(self, lots=()):
        self.lots = list(lots)

    @property
    def quantity(self):
        return sum(lot.quantity for lot in self.lots)

    def store(self, number, quantity, cents_each):
        self.lots.append(Lot(number, quantity, cents_each))

    def take(self, quantity):
        """Take goods out and return [(lot number, quantity)]."""
        if quantity > self.quantity:
            raise NotEnough(f"asked for {quantity}, holding {self.quantity}")
        taken = []
        while quantity > 0:
            lot = self.lots[0]
            part = min(quantity, lot.quantity)
            taken.append((lot.number, part))
            lot.quantity -= part
            quantity -= part
            if lot.quantity == 0:
                self.lots.pop(0)
        return taken
