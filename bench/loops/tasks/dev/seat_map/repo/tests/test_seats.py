import pytest

from seats import SeatPlan
from seats.pricing import group_price, row_price


def test_first_free_block():
    assert SeatPlan("##..#\n.....").find_block(2) == (0, 2)


def test_block_at_the_end_of_a_row():
    assert SeatPlan("###..\n#####").find_block(2) == (0, 3)


def test_whole_row():
    assert SeatPlan("#...\n....").find_block(4) == (1, 0)


def test_aisle_splits_a_row():
    assert SeatPlan(".. ..").find_block(3) is None


def test_booking_sells_the_seats():
    plan = SeatPlan("#...\n....")
    assert plan.book(2) == ["A2", "A3"]
    assert str(plan) == "###.\n...."
    assert plan.free_count() == 5


def test_nothing_left():
    assert SeatPlan("##\n##").book(1) == []


def test_empty_group():
    with pytest.raises(ValueError):
        SeatPlan("..").find_block(0)


def test_prices():
    assert row_price(0) == 2400
    assert row_price(9) == 1200
    assert group_price(1, 6) == 11000
