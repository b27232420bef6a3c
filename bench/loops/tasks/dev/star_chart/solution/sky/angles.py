"""Angles as star catalogues write them."""

import re

NUMBERS = re.compile(r"([+-]?\d+)[°h\s]\s*(\d+)['m\s]\s*(\d+(?:\.\d+)?)[\"s]?")


def _numbers(text: str) -> tuple[int, int, float]:
    match = NUMBERS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an angle: {text!r}")
    whole, minutes, seconds = match.groups()
    if int(minutes) >= 60 or float(seconds) >= 60:
        raise ValueError(f"minutes and seconds end at 59: {text!r}")
    return int(whole), int(minutes), float(seconds)


def read_declination(text: str) -> float:
    """Return the degrees of '-16 42 58' or of '+07° 24' 25.4"'; south is negative."""
    whole, minutes, seconds = _numbers(text)
    degrees = abs(whole) + minutes / 60 + seconds / 3600
    return -degrees if text.strip().startswith("-") else degrees


def read_right_ascension(text: str) -> float:
    """Return the degrees of '06h 45m 08.9s', which is counted in hours."""
    hours, minutes, seconds = _numbers(text)
    if not 0 <= hours < 24:
        raise ValueError(f"a day has 24 hours: {text!r}")
    return 15 * (hours + minutes / 60 + seconds / 3600)
