"""A firing of a kiln: segments that go to a temperature and hold it for a while."""

from dataclasses import dataclass, field

ROOM_C = 20


@dataclass(frozen=True)
class Segment:
    target_c: int
    degrees_per_hour: int
    hold_min: int = 0


@dataclass
class Firing:
    """Each segment begins at the temperature at which the one before ended."""

    name: str
    segments: list = field(default_factory=list)

    def add(self, target_c, degrees_per_hour, hold_min=0):
        self.segments.append(Segment(target_c, degrees_per_hour, hold_min))
        return self

    @property
    def peak_c(self):
        return max((segment.target_c for segment in self.segments), default=ROOM_C)

    def start_c(self, index):
        """Return the temperature at which a segment begins."""
        return self.segments[index - 1].target_c if index > 0 else ROOM_C

    def minutes(self, index):
        """Return how long a segment takes."""
        segment = self.segments[index]
        change_c = abs(segment.target_c - self.start_c(index))
        return change_c * 60 // segment.degrees_per_hour - segment.hold_min

    def total(self):
        """Return how long the firing takes, in minutes."""
        return sum(self.minutes(index) for index in range(len(self.segments)))
