import pytest

from tips.pool import evening, split_cents
from tips.shifts import Shift, parse_board, per_person
from tips.slip import slip

BOARD = """
# Friday
Ana 17:00-23:00
Bo Li 18:00 - 0:30
Cem 20:00-23:00
"""


def test_board():
    assert list(parse_board(BOARD)) == [Shift("Ana", 360), Shift("Bo Li", 390), Shift("Cem", 180)]


def test_board_with_an_error():
    with pytest.raises(ValueError, match="line 2"):
        list(parse_board("\nAna from five\n"))


def test_two_shifts_of_one_person():
    shifts = [Shift("Ana", 60), Shift("Bo", 30), Shift("Ana", 45)]
    assert per_person(shifts) == [Shift("Ana", 105), Shift("Bo", 30)]


def test_even_split():
    assert split_cents(1200, [60, 120, 60]) == [300, 600, 300]


def test_left_over_goes_to_the_longest():
    assert split_cents(101, [120, 120, 240]) == [25, 25, 51]
    assert split_cents(102, [60, 300, 240]) == [10, 52, 40]


def test_nobody():
    with pytest.raises(ValueError):
        split_cents(100, [])


def test_nothing_is_lost():
    shares = evening(BOARD, 9999)
    assert sum(shares.values()) == 9999


def test_evening():
    assert evening(BOARD, 10000) == {"kitchen": 2000, "Ana": 3097, "Bo Li": 3355, "Cem": 1548}


def test_slip():
    assert slip({"kitchen": 2000, "Ana": 3097}) == ["Ana       30.97", "kitchen   20.00"]
