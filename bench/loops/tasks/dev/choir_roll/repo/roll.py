"""Who came to a rehearsal."""

from singer import VOICES, Singer


class Rehearsal:
    """A date and the singers who are there; everybody else of the choir is missing."""

    def __init__(self, day, choir):
        self.day = day
        self.choir = list(choir)
        self.present = set()
        self.excused = set()

    def arrives(self, singer):
        if singer not in self.choir:
            raise LookupError(f"{singer.short} does not sing here")
        self.present.add(singer)
        self.excused.discard(singer)

    def excuses(self, singer):
        if singer not in self.present:
            self.excused.add(singer)

    def missing(self):
        return [singer for singer in self.choir if singer not in self.present]


def read_choir(text):
    return [Singer.parse(line) for line in text.splitlines() if line.strip()]


def present_list(rehearsal):
    """Return a line for each voice with the singers who are there."""
    groups = {voice: [] for voice in VOICES}
    for singer in sorted(rehearsal.present):
        groups[singer.voice].append(singer)
    return [
        f"{voice} ({len(singers)}): " + ", ".join(singer.short for singer in singers)
        for voice, singers in groups.items()
        if singers
    ]


def missing_list(rehearsal):
    """Return a line for each voice with the singers who are missing; '*' has no excuse."""
    groups = {voice: [] for voice in VOICES}
    for singer in sorted(rehearsal.missing()):
        groups[singer.voice].append(singer)
    lines = []
    for voice, singers in groups.items():
        names = [
            singer.short if singer in rehearsal.excused else singer.short + "*"
            for singer in singers
        ]
        lines.append(f"{voice}: {', '.join(names) or 'nobody'}")
    return lines


def can_sing(rehearsal, at_least=2):
    """Tell whether each voice has enough singers to rehearse together."""
    counts = dict.fromkeys(VOICES, 0)
    for singer in rehearsal.present:
        counts[singer.voice] += 1
    return min(counts.values()) >= at_least
