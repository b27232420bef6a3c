from datetime import date

import pytest

import timesheet
from timesheet import Entry, missing_pauses, per_week, week_of, worked

ENTRIES = [
    Entry(date(2026, 2, 9), "8:00", "17:00", 60),
    Entry(date(2026, 2, 10), "9:30", "18:00", 15),
    Entry(date(2026, 2, 16), "8:00", "12:00", 0),
]


def test_worked():
    assert worked(ENTRIES[0]) == 480


def test_ends_before_it_starts():
    with pytest.raises(ValueError):
        worked(Entry(date(2026, 2, 9), "10:00", "9:00", 0))


def test_week():
    assert week_of(date(2027, 1, 1)) == "2026-W53"


def test_per_week():
    assert per_week(ENTRIES) == {"2026-W07": 975, "2026-W08": 240}


def test_overtime():
    assert timesheet.overtime(ENTRIES, 200) == {"2026-W07": 775, "2026-W08": 40}


def test_weeks_without_overtime_are_left_out():
    assert timesheet.overtime(ENTRIES, 240) == {"2026-W07": 735}
    assert timesheet.overtime([], 240) == {}


def test_missing_pauses():
    assert missing_pauses(ENTRIES) == [date(2026, 2, 10)]
