import pytest

from ferry.deck import Deck, Vehicle
from ferry.queue import board, manifest

CAR = Vehicle("CAR", 5, 2)
VAN = Vehicle("VAN", 7, 3)
TRUCK = Vehicle("TRUCK", 16, 30)


@pytest.fixture
def deck():
    return Deck([12, 10], 20)


def test_first_lane(deck):
    assert deck.load(CAR) == 1


def test_second_lane_when_the_first_is_full(deck):
    assert [deck.load(VAN), deck.load(VAN)] == [1, 2]


def test_too_long(deck):
    assert deck.load(Vehicle("BUS", 13, 9)) is None


def test_too_long_and_too_heavy(deck):
    assert deck.load(TRUCK) is None
    assert deck.weight_t == 0


def test_too_heavy(deck):
    assert deck.load(Vehicle("LEAD", 4, 21)) is None


def test_board(deck):
    assert board(deck, [CAR, TRUCK, VAN]) == [TRUCK]
    assert manifest(deck) == ["1: CAR VAN", "2: -"]
