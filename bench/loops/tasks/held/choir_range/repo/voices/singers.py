"""Who of a choir can sing what."""

from voices.notes import note_number, parse_range


def read_choir(text):
    """Read lines of `name: lowest-highest`."""
    choir = {}
    for line in text.strip().splitlines():
        name, span = line.split(":", 1)
        choir[name.strip()] = parse_range(span)
    return choir


def can_reach(choir, note):
    """Return the names of the singers who can reach a note, sorted."""
    number = note_number(note)
    return sorted(name for name, span in choir.items() if span.lowest <= number <= span.highest)
