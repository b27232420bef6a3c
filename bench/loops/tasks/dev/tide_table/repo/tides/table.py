"""The tide table of a port for one day."""

from tides.clock import to_minutes, to_text


def table(reference, port):
    """Return rows (kind, time) of a port from the reference port's rows."""
    rows = []
    for kind, time in reference:
        correction = port.high if kind == "high" else port.low
        rows.append((kind, to_text(to_minutes(time) + correction)))
    return rows


def next_high(reference, port, now):
    """Return the time of the first high water after `now`, None where there is none today."""
    for kind, time in table(reference, port):
        if kind == "high" and to_minutes(time) > to_minutes(now):
            return time
    return None
