"""What a customer pays for sending a parcel."""

from parcels.bands import band_for

ISLAND_PREFIXES = ("18", "26", "27")
ISLAND_SURCHARGE_CENTS = 450
GRAMS_PER_LITRE = 200


def billed_weight(weight_g, size_cm):
    """Return the larger of real and volumetric weight, in grams."""
    width, height, depth = size_cm
    litres = width * height * depth / 1000
    return max(weight_g, round(litres * GRAMS_PER_LITRE))


def surcharge(postcode):
    """Return the surcharge of a postcode in cents."""
    if postcode.startswith(ISLAND_PREFIXES):
        return ISLAND_SURCHARGE_CENTS
    return 0


def quote(weight_g, size_cm, postcode):
    """Return (band name, price in cents) of a parcel."""
    band = band_for(billed_weight(weight_g, size_cm))
    return band.name, band.price_cents + surcharge(postcode)
