"""Weight bands of the domestic tariff. Weights are grams, prices are cents."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    name: str
    up_to_g: int
    price_cents: int


DOMESTIC = (
    Band("letter", 100, 110),
    Band("small", 1000, 390),
    Band("medium", 5000, 690),
    Band("large", 20000, 1250),
)


class TooHeavy(ValueError):
    """No band of the tariff takes the parcel."""


def band_for(weight_g, bands=DOMESTIC):
    """Return the cheapest band that takes a parcel of this weight."""
    if weight_g <= 0:
        raise ValueError(f"weight must be positive, got {weight_g}")
    for band in bands:
        if weight_g < band.up_to_g:
            return band
    raise TooHeavy(f"{weight_g} g is more than {bands[-1].up_to_g} g")
