"""From strikes and releases to notes with a length."""

from dataclasses import dataclass

NAMES = "C C# D D# E F F# G G# A A# B".split()


@dataclass(frozen=True, order=True)
class Note:
    start: int
    key: int
    length: int
    velocity: int
    channel: int = 1

    @property
    def name(self):
        octave, step = divmod(self.key, 12)
        return f"{NAMES[step]}{octave - 1}"


def note_from(strike, tick):
    """Return the note of a strike that ends at a tick."""
    return Note(strike.tick, strike.key, tick - strike.tick, strike.velocity, strike.channel)


def notes(events):
    """Return the notes of a take by start and key.

    Keys that are still down when the recording stops sound until its last event.
    """
    done = []
    down = {}
    tick = 0
    for event in events:
        tick = event.tick
        place = event.channel, event.key
        if event.strikes:
            down[place] = event
        elif place in down:
            done.append(note_from(down.pop(place), tick))
    done += [note_from(strike, tick) for strike in down.values()]
    return sorted(done)
