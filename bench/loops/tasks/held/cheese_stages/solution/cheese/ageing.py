"""How far wheels of cheese are, from the day they were made."""

from enum import StrEnum

TURN_EVERY = {"young": 2, "medium": 5, "aged": 14}


class Stage(StrEnum):
    """How far a wheel is."""

    YOUNG = "young"
    MEDIUM = "medium"
    AGED = "aged"


def stage(days):
    """Return the stage of a wheel that is so many days old."""
    if days < 30:
        return Stage.YOUNG
    if days < 120:
        return Stage.MEDIUM
    return Stage.AGED


def needs_turning(days):
    """Tell whether a wheel has to be turned today."""
    return days % TURN_EVERY[stage(days)] == 0
