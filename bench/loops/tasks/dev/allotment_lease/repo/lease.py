"""Leases of allotment plots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

NOTICE = timedelta(days=60)


@dataclass(frozen=True)
class Lease:
    plot: int
    tenant: str
    start: date
    years: int = 1

    @property
    def end(self) -> date:
        """Return the day on which the lease has to be renewed: its day of the year again."""
        return self.start.replace(year=self.start.year + self.years)

    def renewed(self, years: int = 1) -> Lease:
        """Return the same lease for some years more."""
        if years < 1:
            raise ValueError("a lease is renewed for whole years")
        return replace(self, years=self.years + years)

    def runs_on(self, day: date) -> bool:
        return self.start <= day < self.end

    def remind_on(self) -> date:
        """Return when the tenant gets a letter."""
        return self.end - NOTICE
