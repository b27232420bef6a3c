"""The sum of a score card."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    tops: int
    zones: int
    top_attempts: int
    zone_attempts: int

    @classmethod
    def of(cls, entries):
        tops = [entry.top for entry in entries if entry.top is not None]
        zones = [entry.zone for entry in entries if entry.zone is not None]
        return cls(len(tops), len(zones), sum(tops), sum(zones))

    def key(self):
        """Return what climbers are compared by; the best one has the largest."""
        return (self.tops, self.zones, self.top_attempts, self.zone_attempts)

    def __str__(self):
        return f"{self.tops}T{self.zones}z {self.top_attempts} {self.zone_attempts}"
