import pytest

from auction.lot import BidError, Lot


def lot_at(*amounts, start=20):
    lot = Lot("Print", start)
    for number, amount in enumerate(amounts):
        lot.place(f"bidder {number}", amount)
    return lot


def test_start_price():
    assert lot_at(start=60).minimum_bid() == 60


@pytest.mark.parametrize(
    ("highest", "minimum"), [(20, 25), (95, 100), (100, 110), (999, 1024), (1000, 1050)]
)
def test_step_above_the_highest(highest, minimum):
    assert lot_at(highest).minimum_bid() == minimum


def test_last_bid_counts():
    assert lot_at(20, 40, 510).minimum_bid() == 535


def test_below_the_start_price():
    with pytest.raises(BidError, match="19 is too low"):
        lot_at(start=20).place("Ann", 19)


def test_below_the_step():
    lot = lot_at(100)
    with pytest.raises(BidError, match="109 is too low"):
        lot.place("Ann", 109)
    lot.place("Ann", 110)
    assert lot.minimum_bid() == 120
