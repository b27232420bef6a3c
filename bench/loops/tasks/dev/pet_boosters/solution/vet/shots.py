"""Vaccinations and when they have to be repeated."""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date

REPEAT_MONTHS: dict[str, int] = {
    "rabies": 36,
    "distemper": 12,
    "leukaemia": 6,
    "kennel cough": 12,
}


def add_months(day: date, months: int) -> date:
    """Return the same day of the month, some months later, or the last day if there is none."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    last = monthrange(year, month)[1]
    return date(year, month, min(day.day, last))


@dataclass
class Animal:
    """A patient, with the day of its latest shot against each illness."""

    name: str
    owner: str
    shots: dict[str, date] = field(default_factory=dict)

    def vaccinate(self, against: str, day: date) -> None:
        """Write down a shot; shots may be entered in any order."""
        if against not in REPEAT_MONTHS:
            raise KeyError(against)
        self.shots[against] = max(day, self.shots.get(against, day))

    def next_shots(self) -> dict[str, date]:
        """Return {illness: day} of the boosters, by day."""
        due = {
            against: add_months(day, REPEAT_MONTHS[against])
            for against, day in self.shots.items()
        }
        return dict(sorted(due.items(), key=lambda item: item[1]))
