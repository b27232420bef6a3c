"""Times of day and time differences as minutes."""

DAY = 24 * 60


def to_minutes(text):
    """Read "7:05" or a difference such as "-1:10" as minutes."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    hours, minutes = text.lstrip("+-").split(":")
    return sign * (int(hours) * 60 + int(minutes))


def to_text(minutes):
    """Write a time of day; beyond midnight it starts again at 0:00."""
    hours, rest = divmod(minutes % DAY, 60)
    return f"{hours}:{rest:02}"
