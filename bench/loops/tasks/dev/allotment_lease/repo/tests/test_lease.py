from datetime import date

import pytest

from fees import fee_of
from lease import Lease

LEAP = Lease(7, "Okafor", date(2024, 2, 29))


def test_end():
    assert Lease(1, "Lindt", date(2023, 4, 1), years=3).end == date(2026, 4, 1)


def test_renewed():
    lease = Lease(1, "Lindt", date(2023, 4, 1)).renewed(2)
    assert lease.years == 3
    with pytest.raises(ValueError, match="whole years"):
        lease.renewed(0)


def test_runs_on():
    lease = Lease(1, "Lindt", date(2023, 4, 1))
    assert lease.runs_on(date(2024, 3, 31))
    assert not lease.runs_on(date(2024, 4, 1))


def test_let_on_a_leap_day():
    assert LEAP.end == date(2025, 2, 28)
    assert LEAP.renewed().end == date(2026, 2, 28)


def test_from_leap_day_to_leap_day():
    assert LEAP.renewed(3).end == date(2028, 2, 29)


def test_day_before_the_leap_day():
    assert Lease(8, "Ito", date(2024, 2, 28)).end == date(2025, 2, 28)


def test_fee():
    lease = Lease(1, "Lindt", date(2023, 4, 1), years=2)
    assert fee_of(lease, 200) == 18000
    assert fee_of(lease.renewed(3), 200, tap=True) == 56700
