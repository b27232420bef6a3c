"""What a visit costs."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True)
class Tariff:
    """Prices in cents. From `late_from` on, everybody pays `late_percent` of the price."""

    adult_cents: int = 1200
    reduced_cents: int = 800
    child_cents: int = 400
    family_cents: int = 2600
    late_from: time = time(16, 30)
    late_percent: int = 50

    def is_late(self, entry):
        return entry >= self.late_from


@dataclass(frozen=True)
class Party:
    """People who come together. Children under `FREE_UNDER` are not counted anywhere."""

    adults: int = 0
    reduced: int = 0
    children: int = 0

    @property
    def size(self):
        return self.adults + self.reduced + self.children


FREE_UNDER = 6
ADULT_FROM = 18


def party_of(ages, with_pass=0):
    """Return the party of people of these ages; `with_pass` adults have a student's pass."""
    paying = [age for age in ages if age >= FREE_UNDER]
    adults = sum(age >= ADULT_FROM for age in paying)
    if with_pass > adults:
        raise ValueError(f"{with_pass} passes for {adults} adults")
    return Party(adults - with_pass, with_pass, len(paying) - adults)
