"""Bookings of a ferry line."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Sailing:
    origin: str
    destination: str
    departure: datetime


@dataclass(frozen=True)
class Booking:
    code: str
    surname: str
    sailing: Sailing
    passengers: int
    cents: int
    title: str = ""
    paid_cents: int = 0

    @property
    def open_cents(self) -> int:
        """Return what is still to be paid."""
        return max(self.cents - self.paid_cents, 0)
