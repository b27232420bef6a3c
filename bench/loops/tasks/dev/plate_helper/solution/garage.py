"""A parking garage: who is in, and what they pay when they leave."""

FREE_MINUTES = 15
CENTS_PER_HOUR = 250
DAY_MAXIMUM_CENTS = 1800


class UnknownPlate(KeyError):
    """The car never came in."""


def normalize_plate(plate):
    """Return a number plate in capitals, without blanks and dashes."""
    return plate.upper().replace(" ", "").replace("-", "")


class Garage:
    """Times are minutes since the garage opened."""

    def __init__(self, places):
        self.places = places
        self.inside = {}

    def entry(self, plate, minute):
        """Let a car in; False where the garage is full or the car is in already."""
        cleaned = normalize_plate(plate)
        if not cleaned:
            raise ValueError("no plate")
        if cleaned in self.inside or len(self.inside) >= self.places:
            return False
        self.inside[cleaned] = minute
        return True

    def leave(self, plate, minute):
        """Let a car out and return its price in cents."""
        cleaned = normalize_plate(plate)
        if cleaned not in self.inside:
            raise UnknownPlate(cleaned)
        return price(minute - self.inside.pop(cleaned))


def price(minutes):
    """Return the price of a stay: each begun hour counts, with a maximum per day."""
    if minutes <= FREE_MINUTES:
        return 0
    days, rest = divmod(minutes, 24 * 60)
    hours = -(-rest // 60)
    return days * DAY_MAXIMUM_CENTS + min(hours * CENTS_PER_HOUR, DAY_MAXIMUM_CENTS)
