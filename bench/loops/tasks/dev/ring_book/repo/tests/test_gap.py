from datetime import date

import pytest

from ringing import RingBook, Sighting, UnknownRing


def book(*days):
    sightings = [Sighting("AX1", date.fromisoformat(day), "hedge") for day in days]
    return RingBook({"AX1": "robin", "AX2": "wren"}, sightings)


def test_gap_of_two_sightings():
    assert book("2024-03-01", "2024-03-11").longest_gap("AX1") == 10


def test_longest_of_several():
    days = ["2024-01-01", "2024-01-05", "2024-03-05", "2024-03-20"]
    assert book(*days).longest_gap("AX1") == 60


def test_sightings_in_any_order():
    assert book("2024-05-01", "2024-04-01", "2024-04-20").longest_gap("AX1") == 19


@pytest.mark.parametrize("days", [[], ["2024-03-01"], ["2024-03-01", "2024-03-01"]])
def test_no_gap(days):
    assert book(*days).longest_gap("AX1") is None


def test_other_birds_do_not_count():
    assert book("2024-03-01", "2024-03-11").longest_gap("AX2") is None


def test_foreign_ring():
    with pytest.raises(UnknownRing):
        book().longest_gap("ZZ9")
