from datetime import date

import pytest

from loans import days_late, due_date, late_fee, renew, total_fee

MONDAY = date(2026, 6, 1)


def test_due_date():
    assert due_date("book", MONDAY) == date(2026, 6, 29)


def test_closed_on_sunday():
    assert due_date("film", date(2026, 6, 7)) == date(2026, 6, 15)


def test_renewals():
    assert renew("game", MONDAY, 1) == date(2026, 6, 15)
    with pytest.raises(ValueError):
        renew("game", MONDAY, 2)


def test_in_time():
    assert days_late(MONDAY, date(2026, 5, 20)) == 0
    assert days_late(MONDAY, MONDAY) == 0


def test_days_late():
    assert days_late(MONDAY, date(2026, 6, 2)) == 1
    assert days_late(MONDAY, date(2026, 6, 11)) == 10


def test_late_fee():
    assert late_fee(MONDAY, date(2026, 6, 2)) == 0
    assert late_fee(MONDAY, date(2026, 6, 4)) == 40


def test_maximum():
    assert late_fee(MONDAY, date(2026, 12, 1)) == 600


def test_total():
    assert total_fee([(MONDAY, date(2026, 12, 1)), (MONDAY, date(2027, 1, 4))]) == 1200
