from datetime import date

import pytest

from ringing import RingBook, Sighting, UnknownRing, read_sightings

RINGS = {"AX1": "robin", "AX2": "great tit", "AX3": "robin"}
NOTES = """\
# spring
AX1; 2024-04-17; north pond
ax2; 2024-04-02; hedge

AX1; 2024-03-01; hedge
AX1; 2024-03-01; north pond
"""


@pytest.fixture
def book():
    return RingBook(RINGS, read_sightings(NOTES))


def test_parse():
    assert Sighting.parse("ax2 ; 2024-04-02;hedge ") == ("AX2", date(2024, 4, 2), "hedge")


def test_days(book):
    assert book.days("AX1") == [date(2024, 3, 1), date(2024, 4, 17)]
    assert book.days("AX3") == []


def test_last_seen(book):
    assert book.last_seen("AX1") == date(2024, 4, 17)
    assert book.last_seen("AX3") is None


def test_foreign_ring(book):
    with pytest.raises(UnknownRing):
        book.add(Sighting("ZZ9", date(2024, 4, 1), "hedge"))
    with pytest.raises(UnknownRing):
        book.days("ZZ9")


def test_busiest_place(book):
    assert book.busiest_place() == "hedge"
    assert RingBook(RINGS).busiest_place() is None


def test_never_seen(book):
    assert book.never_seen() == ["AX3"]
