"""Events of a recorded take, one per line: tick, what, channel, key, velocity."""

from typing import NamedTuple


class Event(NamedTuple):
    tick: int
    what: str
    channel: int
    key: int
    velocity: int = 0

    @property
    def strikes(self):
        """Many keyboards send a strike without velocity where they mean a release."""
        return self.what == "on" and self.velocity > 0


def read_events(text):
    """Yield the events of a dump in the order of their ticks; '#' begins a comment."""
    rows = (line.split("#")[0].split() for line in text.splitlines())
    events = [Event(int(tick), what, *map(int, rest)) for tick, what, *rest in filter(None, rows)]
    yield from sorted(events, key=lambda event: event.tick)
