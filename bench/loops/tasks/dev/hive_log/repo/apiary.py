"""The report of an apiary."""

from gains import best_day, daily_gains, total
from readings import of_hive, parse


def hive_line(hive, readings):
    gains = list(daily_gains(readings))
    if not gains:
        return f"{hive:<8} no data"
    day, kilos = best_day(gains)
    return f"{hive:<8} {total(readings):+.1f} kg, best {day:%d %b} {kilos:+.1f}"


def report(lines, hives, since=None):
    """Return one line for each hive."""
    readings = list(parse(lines))
    return [hive_line(hive, of_hive(readings, hive, since)) for hive in hives]
