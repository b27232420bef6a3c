"""A take as text, for the rehearsal notes."""

from collections import Counter


def beats(ticks, resolution=480):
    whole, rest = divmod(ticks, resolution)
    return f"{whole}" if not rest else f"{whole}+{rest}/{resolution}"


def sheet(take, resolution=480):
    """Return one line per note: where it starts, its name and how long it is."""
    return "\n".join(
        f"{beats(note.start, resolution):>8}  {note.name:<3} {beats(note.length, resolution)}"
        for note in take
    )


def keys_used(take):
    """Return (name, count) of the keys, the busiest first."""
    return Counter(note.name for note in take).most_common()
