"""What to do with the plants in a frost."""

# lowest temperature and longest frost, in hours, that a plant bears under fleece
HARDINESS = {
    "dahlia": (-2.0, 8),
    "fig": (-9.0, 48),
    "lemon": (1.0, 0),
    "rosemary": (-6.0, 24),
}


def advice(plant, frost):
    """Return "fleece" where that is enough, otherwise "indoors"."""
    try:
        lowest, hours = HARDINESS[plant]
    except KeyError:
        raise LookupError(f"nothing is known of {plant}") from None
    enough = frost.lowest >= lowest and frost.hours <= hours
    return "fleece" if enough else "indoors"


def plan(frost, plants):
    """Return {advice: [plants]} of a frost."""
    result = {"fleece": [], "indoors": []}
    for plant in sorted(plants):
        result[advice(plant, frost)].append(plant)
    return result
