"""Notes such as "C4" or "F#3", as numbers of half tones."""

from dataclasses import dataclass

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Range:
    lowest: int
    highest: int


def note_number(text):
    """Return the number of a note; middle C, written C4, is 60."""
    name, octave = text.strip()[:-1], int(text.strip()[-1])
    number = 12 * (octave + 1) + STEPS[name[0]]
    if name.endswith("#"):
        number += 1
    return number


def parse_range(text):
    """Read "C4-A5"."""
    lowest, highest = text.split("-")
    return Range(note_number(lowest), note_number(highest))
