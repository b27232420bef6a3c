"""How much honey came in."""


def daily_gains(readings):
    """Yield (day, kilos per day) between each two readings in a row of one hive.

    Steps with a note are left out: the beekeeper changed the weight.
    """
    readings = iter(readings)
    first = next(readings)
    day, kilos = first.day, first.kilos
    for reading in readings:
        days = (reading.day - day).days
        if days > 0 and not reading.note:
            yield reading.day, (reading.kilos - kilos) / days
        day, kilos = reading.day, reading.kilos


def best_day(gains):
    """Return (day, kilos) of the largest gain; the first one of equals."""
    return max(gains, key=lambda gain: gain[1])


def total(readings):
    """Return the honey of a period in kilos."""
    kilos = 0.0
    for before, reading in zip(readings, readings[1:]):
        if not reading.note:
            kilos += reading.kilos - before.kilos
    return kilos
