"""How far wheels of cheese are, from the day they were made."""

TURN_EVERY = {"young": 2, "medium": 5, "aged": 14}


def stage(days):
    """Return the stage of a wheel that is so many days old."""
    if days < 30:
        return "young"
    if days < 120:
        return "medium"
    return "aged"


def needs_turning(days):
    """Tell whether a wheel has to be turned today."""
    return days % TURN_EVERY[stage(days)] == 0
