import pytest

from stall.drawer import NoChange, amount, put_in, take_out
from stall.evening import euros, full_rolls, takings, without_rolls


def test_amount():
    assert amount({5: 3, 200: 2}) == 415
    assert amount({}) == 0


def test_put_in():
    assert put_in({50: 1}, {50: 2, 10: 4}) == {10: 4, 50: 3}


def test_put_in_a_button():
    with pytest.raises(ValueError, match="no such coin: 3"):
        put_in({}, {3: 1})


def test_take_out():
    assert take_out({50: 3, 10: 4}, {50: 3, 10: 1}) == {10: 3}
    with pytest.raises(NoChange, match="only 3 of 50"):
        take_out({50: 3}, {50: 4})


def test_takings():
    assert takings({10: 5}, {10: 2, 100: 7}) == 670


def test_rolls():
    drawer = {10: 85, 100: 25, 200: 24}
    assert full_rolls(drawer) == {10: 2, 100: 1}
    assert without_rolls(drawer) == {10: 5, 200: 24}


@pytest.mark.parametrize(("cents", "text"), [(1205, "12.05"), (-60, "-0.60")])
def test_euros(cents, text):
    assert euros(cents) == text
