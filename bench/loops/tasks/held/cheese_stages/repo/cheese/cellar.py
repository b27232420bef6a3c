"""Lists of the cellar."""

from cheese.ageing import needs_turning, stage


def tag(name, days):
    """Return the text of the tag on a wheel."""
    if stage(days) == "young":
        return f"{name}: young, not for sale"
    return f"{name}: {stage(days)} ({days} days)"


def to_turn(wheels):
    """Return the names of {name: days} that have to be turned, the oldest first."""
    return sorted((n for n in wheels if needs_turning(wheels[n])), key=lambda n: -wheels[n])
