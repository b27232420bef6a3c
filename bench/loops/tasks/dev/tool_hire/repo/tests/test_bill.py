import pytest

from hire.bill import bill, rent
from hire.catalogue import get
from hire.period import billed_hours, parse


def hours(out, back):
    return billed_hours(parse(out), parse(back))


def test_started_hours_count():
    assert hours("2024-05-03 12:00", "2024-05-03 14:20") == 3


def test_grace():
    assert hours("2024-05-03 12:00", "2024-05-03 14:15") == 2
    assert hours("2024-05-03 12:00", "2024-05-03 12:05") == 1


def test_over_night():
    assert hours("2024-05-03 18:00", "2024-05-04 08:00") == 14


def test_over_the_weekend():
    assert hours("2024-05-03 12:00", "2024-05-06 09:00") == 69


def test_back_too_early():
    with pytest.raises(ValueError):
        hours("2024-05-03 12:00", "2024-05-03 11:00")


def test_a_day_is_the_most_for_its_hours():
    ladder = get("ladder")
    assert rent(ladder, 3) == 600
    assert rent(ladder, 20) == 800
    assert rent(ladder, 25) == 1000


def test_bill_of_an_afternoon():
    assert bill("ladder", "2024-05-03 13:00", "2024-05-03 16:00") == {
        "rent": 600,
        "deposit back": -5000,
    }


def test_bill_of_a_weekend():
    items = bill("Hammer Drill", "2024-05-03 12:00", "2024-05-06 09:00", due="2024-05-05 12:00")
    assert items == {"rent": 7200, "late fee": 1500, "deposit back": -10000}


def test_unknown_tool():
    with pytest.raises(KeyError, match="floor sander"):
        get("excavator")
