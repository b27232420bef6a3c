"""Times of day as minutes since midnight."""

MINUTES_PER_DAY = 24 * 60


def to_minute(text):
    """Return the minute of "7:05" or "07:05"."""
    hours, _, minutes = text.strip().partition(":")
    minute = int(hours) * 60 + int(minutes or 0)
    if not 0 <= minute < MINUTES_PER_DAY:
        raise ValueError(f"not a time of day: {text!r}")
    return minute


def to_text(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def minutes_until(now, then):
    """Return how long it is from one time of day to the next occurrence of another."""
    return (then - now) % MINUTES_PER_DAY
