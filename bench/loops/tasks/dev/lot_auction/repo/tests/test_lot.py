import pytest

from auction.lot import Bid, BidError, Lot
from auction.results import hammer_total, invoice
from auction.steps import step_for


@pytest.fixture
def clock():
    lot = Lot("Clock", start=80, reserve=150)
    lot.place("Ann", 80)
    lot.place("Ben", 120)
    return lot


def test_highest(clock):
    assert clock.highest == Bid("Ben", 120)
    assert Lot("Vase", 10).highest is None


@pytest.mark.parametrize(("bidder", "amount"), [("Ann", 120), ("Ann", 100), ("Ben", 200)])
def test_refused(clock, bidder, amount):
    with pytest.raises(BidError):
        clock.place(bidder, amount)


def test_reserve(clock):
    assert clock.close() is None


def test_sold(clock):
    clock.place("Ann", 150)
    assert clock.close() == Bid("Ann", 150)
    with pytest.raises(BidError, match="closed"):
        clock.place("Ben", 500)


@pytest.mark.parametrize(("amount", "step"), [(0, 5), (99, 5), (100, 10), (7000, 250)])
def test_step(amount, step):
    assert step_for(amount) == step


def test_results(clock):
    vase = Lot("Vase", 10)
    vase.place("Ben", 30)
    assert hammer_total([clock, vase, Lot("Chair", 5)]) == 30
    assert invoice([clock, vase], "Ben") == ["Vase: 37.20", "Total: 37.20"]
