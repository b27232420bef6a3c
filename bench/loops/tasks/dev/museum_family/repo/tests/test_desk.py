from datetime import time

import pytest

from museum.desk import SlotBook, price, slots
from museum.tariff import Party, party_of

NOON = time(12)


def test_party():
    assert party_of([44, 41, 20, 12, 6, 5], with_pass=1) == Party(2, 1, 2)
    with pytest.raises(ValueError):
        party_of([44, 12], with_pass=2)


def test_price():
    assert price(Party(adults=2, reduced=1), NOON) == 3200


def test_school_class():
    assert price(Party(adults=1, children=19), NOON) == 7040


def test_late():
    assert price(Party(adults=1, reduced=1), time(16, 30)) == 1000


def test_slots():
    assert list(slots(time(16), time(18))) == [time(16), time(16, 30), time(17)]


def test_book():
    book = SlotBook(slots(time(10), time(12)), 4)
    book.book(time(10), Party(adults=3))
    assert book.next_free(time(9), 2) == time(10, 30)
    assert book.next_free(time(11, 1), 1) is None
    with pytest.raises(LookupError, match="10:00"):
        book.book(time(10), Party(children=2))
