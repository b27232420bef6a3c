"""Smoothing of sensor readings."""

from statistics import median


def smooth(readings, reach=1):
    """Return the median of each reading and its `reach` neighbours on both sides.

    At the ends the window is smaller.
    """
    result = []
    for index in range(len(readings)):
        first = max(0, index - reach)
        window = readings[first : index + reach]
        result.append(median(window))
    return result


def spikes(readings, reach=1, tolerance=5):
    """Return the positions of readings that are far from the smoothed ones."""
    calm = smooth(readings, reach)
    return [
        index
        for index, (raw, flat) in enumerate(zip(readings, calm))
        if abs(raw - flat) > tolerance
    ]
