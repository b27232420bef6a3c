from datetime import date

import pytest

from roster import EmptyCrew, double_booked, person_on, roster, shifts_of, week_start

MONDAY = date(2026, 3, 2)


def test_first_day_belongs_to_the_first_person():
    assert person_on(["Ines", "Bo", "Tariq"], 0) == "Ines"


def test_crew_takes_turns():
    crew = ["Ines", "Bo", "Tariq"]
    assert [person_on(crew, day, offset=1) for day in range(4)] == ["Bo", "Tariq", "Ines", "Bo"]


def test_crew_of_one():
    assert person_on(["Ines"], 12) == "Ines"


def test_nobody():
    with pytest.raises(EmptyCrew):
        person_on([], 0)


def test_roster_of_two_days():
    rows = roster({"early": ["A", "B"], "night": ["C", "D"]}, MONDAY, 2, {"night": 1})
    assert rows == [
        (date(2026, 3, 2), {"early": "A", "night": "D"}),
        (date(2026, 3, 3), {"early": "B", "night": "C"}),
    ]


def test_shifts_of_a_person_without_any():
    rows = roster({"late": ["A"]}, MONDAY, 3)
    assert shifts_of(rows, "Z") == []
    assert len(shifts_of(rows, "A")) == 3


def test_double_booked():
    rows = [(MONDAY, {"early": "A", "late": "A"}), (date(2026, 3, 3), {"early": "A", "late": "B"})]
    assert double_booked(rows) == [MONDAY]


def test_week_start():
    assert week_start(date(2026, 3, 8)) == MONDAY
