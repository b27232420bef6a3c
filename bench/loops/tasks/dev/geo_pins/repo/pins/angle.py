"""Degrees, minutes and seconds of places on a map."""

import re

ANGLE = re.compile(
    r"""(?P<degrees>\d+)°\s*
        (?:(?P<minutes>\d+)'\s*)?
        (?:(?P<seconds>\d+(?:\.\d+)?)"\s*)?
        (?P<side>[NSEW])""",
    re.VERBOSE,
)
LIMITS = {"N": 90, "S": 90, "E": 180, "W": 180}


def parse_angle(text: str) -> float:
    """Return an angle such as 48°12'30"N in degrees; south and west are negative."""
    match = ANGLE.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(f"not an angle: {text!r}")
    minutes = int(match["minutes"] or 0) + float(match["seconds"] or 0) / 60
    degrees = int(match["degrees"]) + minutes / 60
    if degrees > LIMITS[match["side"]]:
        raise ValueError(f"too far away: {text!r}")
    return -degrees if match["side"] in "SW" else degrees


def format_angle(degrees: float, sides: str) -> str:
    """Write an angle with whole seconds; `sides` are the letters for plus and minus."""
    side = sides[0] if degrees >= 0 else sides[1]
    whole, rest = divmod(abs(degrees), 1)
    minutes, rest = divmod(rest * 60, 1)
    return f"{whole:.0f}°{minutes:02.0f}'{rest * 60:02.0f}\"{side}"
