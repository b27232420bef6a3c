from datetime import date

from lease import Lease
from office import free_plots, letters

LEASES = [
    Lease(1, "Lindt", date(2024, 7, 1)),
    Lease(2, "Ito", date(2024, 6, 15)),
    Lease(4, "Sousa", date(2023, 1, 1), years=5),
]


def test_free_plots():
    assert free_plots(LEASES, 5, date(2025, 6, 20)) == [2, 3, 5]


def test_letters():
    assert letters(LEASES, date(2025, 5, 10)) == [
        "Plot 2: Ito, until 15.06.2025",
        "Plot 1: Lindt, until 01.07.2025",
    ]


def test_letter_for_a_leap_day():
    leap = Lease(7, "Okafor", date(2024, 2, 29))
    assert letters([leap], date(2025, 1, 3)) == ["Plot 7: Okafor, until 28.02.2025"]


def test_nobody_to_remind():
    assert letters(LEASES, date(2025, 1, 1)) == []
