"""Hours in which a user does not want to be disturbed."""

from dataclasses import dataclass

from notify.clock import minutes_until, to_minute, to_text


@dataclass(frozen=True)
class QuietHours:
    """A part of the day, first minute included, last one not. Equal ends: never quiet."""

    start: int
    end: int

    @classmethod
    def parse(cls, text):
        """Read "22:00-06:30"."""
        start, dash, end = text.partition("-")
        if not dash:
            raise ValueError(f"expected FROM-TO, got {text!r}")
        return cls(to_minute(start), to_minute(end))

    @property
    def length(self):
        return minutes_until(self.start, self.end)

    def covers(self, minute):
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def wait(self, minute):
        """Return the minutes until a message may be sent."""
        return minutes_until(minute, self.end) if self.covers(minute) else 0

    def __str__(self):
        return f"{to_text(self.start)}-{to_text(self.end)}"
