"""Opening hours of one day, in minutes since midnight."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    opens: int
    closes: int


def parse_clock(text):
    """Read "18:30" as minutes."""
    hours, minutes = text.strip().split(":")
    return int(hours) * 60 + int(minutes)


def parse_span(text):
    """Read "18:00-2:00"."""
    opens, closes = text.split("-")
    return Span(parse_clock(opens), parse_clock(closes))


def is_open(span, minute):
    """Tell whether a place is open at a minute of the day."""
    if span.closes < span.opens:
        return minute >= span.opens or minute < span.closes
    return span.opens <= minute < span.closes
