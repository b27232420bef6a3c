"""Times of day and time differences as minutes."""

DAY = 24 * 60


def to_minutes(text):
    """Read "7:05" or a difference such as "-1:10" as minutes."""
    hours, minutes = text.strip().split(":")
    return int(hours) * 60 + int(minutes)


def to_text(minutes):
    """Write a time of day; beyond midnight it starts again at 0:00."""
    hours, rest = divmod(minutes % DAY, 60)
    return f"{hours}:{rest:02}"
