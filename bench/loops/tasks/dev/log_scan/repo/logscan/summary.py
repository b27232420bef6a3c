"""What happened, in a few numbers."""

from collections import Counter

from logscan.parse import LEVELS


def at_least(entries, level):
    """Return the entries of a level or a graver one."""
    floor = LEVELS.index(level)
    return [entry for entry in entries if LEVELS.index(entry.level) >= floor]


def by_source(entries):
    """Return (source, count) pairs, most entries first, then by name."""
    counts = Counter(entry.source for entry in entries)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def longest_gap(entries):
    """Return the longest time between two neighbouring entries, in seconds."""
    times = [entry.time for entry in entries]
    gaps = [(late - early).total_seconds() for early, late in zip(times, times[1:])]
    return max(gaps, default=0.0)
