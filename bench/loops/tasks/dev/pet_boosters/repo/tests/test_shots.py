from datetime import date

import pytest

from vet.shots import Animal, add_months


@pytest.mark.parametrize(
    ("months", "then"),
    [(1, date(2024, 2, 10)), (11, date(2024, 12, 10)), (12, date(2025, 1, 10))],
)
def test_add_months(months, then):
    assert add_months(date(2024, 1, 10), months) == then


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2022, 8, 31), 6, date(2023, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 5, 31), 6, date(2024, 11, 30)),
        (date(2024, 12, 31), 36, date(2027, 12, 31)),
    ],
)
def test_end_of_the_month(day, months, then):
    assert add_months(day, months) == then


def test_latest_shot_counts():
    rex = Animal("Rex", "Ott")
    rex.vaccinate("rabies", date(2024, 3, 5))
    rex.vaccinate("rabies", date(2021, 3, 1))
    assert rex.next_shots() == {"rabies": date(2027, 3, 5)}


def test_next_shots_by_day():
    tom = Animal("Tom", "Ott")
    tom.vaccinate("rabies", date(2023, 1, 9))
    tom.vaccinate("leukaemia", date(2024, 1, 9))
    assert list(tom.next_shots()) == ["leukaemia", "rabies"]


def test_unknown_illness():
    with pytest.raises(KeyError):
        Animal("Rex", "Ott").vaccinate("boredom", date(2024, 3, 5))
