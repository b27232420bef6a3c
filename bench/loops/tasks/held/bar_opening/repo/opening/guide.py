"""Which places of a town are open."""

from opening.hours import is_open, parse_clock, parse_span


def read_guide(text):
    """Read lines of `name: span, span`."""
    guide = {}
    for line in text.strip().splitlines():
        name, spans = line.split(":", 1)
        guide[name.strip()] = [parse_span(part) for part in spans.split(",")]
    return guide


def open_at(guide, clock):
    """Return the names of the places that are open at a time, sorted."""
    minute = parse_clock(clock)
    return sorted(
        name for name, spans in guide.items() if any(is_open(span, minute) for span in spans)
    )
