"""The airports we sell, with their country and what a change takes there."""

COUNTRY = {
    "BOS": "US",
    "CGN": "DE",
    "FRA": "DE",
    "HAM": "DE",
    "LIS": "PT",
    "LHR": "GB",
    "ORD": "US",
}

# minutes on top of the usual ones, at airports where the gates are far apart
EXTRA_MINUTES = {"FRA": 5, "LHR": 20}


def country(code):
    try:
        return COUNTRY[code]
    except KeyError:
        raise ValueError(f"we do not fly to {code}") from None


def crosses_border(origin, destination):
    return country(origin) != country(destination)
