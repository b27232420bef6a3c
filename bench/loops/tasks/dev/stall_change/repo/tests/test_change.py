import pytest

from stall import drawer


def test_largest_coins_first():
    coins = {10: 9, 50: 9, 20: 9, 100: 9}
    assert drawer.make_change(180, coins) == {100: 1, 50: 1, 20: 1, 10: 1}


def test_several_of_a_coin():
    assert drawer.make_change(450, {200: 5, 50: 5}) == {200: 2, 50: 1}


def test_coins_run_out():
    assert drawer.make_change(500, {200: 1, 100: 1, 50: 9}) == {200: 1, 100: 1, 50: 4}


def test_coins_that_are_not_used_are_not_listed():
    assert drawer.make_change(20, {200: 3, 20: 1, 1: 50}) == {20: 1}


def test_nothing_to_give_back():
    assert drawer.make_change(0, {10: 3}) == {}


@pytest.mark.parametrize("coins", [{}, {10: 3}, {100: 4}, {20: 0}])
def test_not_enough(coins):
    with pytest.raises(drawer.NoChange):
        drawer.make_change(40, coins)


def test_drawer_stays_as_it_is():
    coins = {10: 3}
    drawer.make_change(20, coins)
    assert coins == {10: 3}
