import inspect

import pytest

import leg
from leg import NoThrow, is_checkout, is_double, visit_points


def test_visit():
    assert visit_points(["T20", "d8", " 5"]) == 81
    assert visit_points(["BULL", "25", "miss"]) == 75


@pytest.mark.parametrize("throws", [["21"], ["T25"], ["1", "1", "1", "1"]])
def test_no_visit(throws):
    with pytest.raises(NoThrow):
        visit_points(throws)


def test_double():
    assert [is_double(throw) for throw in ("D8", "bull", "T20", "16")] == [True, True, False, False]


def test_checkout():
    assert is_checkout(40, ["d20"])
    assert is_checkout(110, ["T20", "BULL"])
    assert not is_checkout(40, ["20", "20"])
    assert not is_checkout(41, ["D20"])
    assert not is_checkout(100, ["MISS"])


@pytest.mark.parametrize(
    ("throw", "value"), [("T20", 60), ("d8", 16), ("5", 5), ("S7", 7), ("Bull", 50), (" miss ", 0)]
)
def test_points_of_a_throw(throw, value):
    assert leg.points(throw) == value


def test_points_of_no_throw():
    with pytest.raises(NoThrow, match="T25"):
        leg.points("T25")


def test_both_functions_use_points(monkeypatch):
    monkeypatch.setattr(leg, "points", lambda throw: 20)
    assert visit_points(["left", "right"]) == 40
    assert is_checkout(40, ["left", "d"])


@pytest.mark.parametrize("function", [visit_points, is_checkout])
def test_throws_are_taken_apart_in_one_place(function):
    assert "lstrip" not in inspect.getsource(function)
