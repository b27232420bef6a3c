"""A lot: seeds of one harvest in one jar."""

from dataclasses import dataclass, field
from datetime import date

from seeds.species import interval_days


@dataclass
class Lot:
    code: str
    species: str
    harvested: date
    grams: float
    tests: dict = field(default_factory=dict)  # date: share of seeds that germinated

    def record_test(self, day, germinated, sown):
        if day < self.harvested:
            raise ValueError(f"{self.code} was not harvested before {self.harvested}")
        self.tests[day] = germinated / sown

    @property
    def last_test(self):
        """Return the day of the latest test; a lot without one counts from its harvest."""
        return max(self.tests, default=self.harvested)

    @property
    def viability(self):
        """Return the share that germinated in the latest test, None without a test."""
        return self.tests[self.last_test] if self.tests else None

    def days_overdue(self, today):
        """Return for how many days a test has been due; negative: it is not due yet."""
        return (today - self.last_test).days - interval_days(self.species)
