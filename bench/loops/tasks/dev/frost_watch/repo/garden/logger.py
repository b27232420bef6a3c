"""Read the file of the thermometer in the greenhouse: `2024-02-09 18:30;-2,5`."""

from datetime import datetime

ERROR_VALUE = -99.9


def readings(lines):
    """Yield (moment, degrees) of every usable line.

    The thermometer writes a decimal comma, and -99,9 when its battery is low.
    """
    for line in lines:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        moment, _, degrees = line.partition(";")
        value = float(degrees.replace(",", "."))
        if value != ERROR_VALUE:
            yield datetime.strptime(moment, "%Y-%m-%d %H:%M"), value
