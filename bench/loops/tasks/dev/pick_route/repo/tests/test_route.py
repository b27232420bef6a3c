import pytest

from bins import Bin
from orders import collect
from route import metres, pick_list, route


def walk(*labels):
    return [str(place) for place in route(map(Bin.read, labels))]


def test_one_aisle():
    assert walk("A-09-1", "A-02-3", "A-02-1") == ["A-02-1", "A-02-3", "A-09-1"]


def test_next_aisle_is_walked_back():
    assert walk("B-01-1", "B-08-2", "B-08-1", "A-05-1") == ["A-05-1", "B-08-1", "B-08-2", "B-01-1"]


def test_third_aisle():
    assert walk("C-04-1", "C-01-1", "B-02-1", "A-02-1")[2:] == ["C-01-1", "C-04-1"]


def test_empty_aisle_between():
    assert walk("A-03-1", "C-02-1", "C-09-1", "D-01-1", "D-05-1") == [
        "A-03-1",
        "C-09-1",
        "C-02-1",
        "D-01-1",
        "D-05-1",
    ]


def test_first_aisle_empty():
    assert walk("B-07-1", "B-02-1", "C-01-1", "C-06-1") == ["B-02-1", "B-07-1", "C-06-1", "C-01-1"]


def test_way():
    assert metres(route(map(Bin.read, ["A-01-1", "A-06-1", "B-06-1"]))) == 9.5
    assert metres([]) == 0


def test_pieces_of_a_bin_are_collected():
    assert collect(["2 x A-01-1", "5 x A-01-1"]) == {Bin(0, 1, 1): 7}


def test_list():
    assert pick_list(["2 x B-04-1", "1 x A-04-2"]) == "[ ] A-04-2    1\n[ ] B-04-1    2\n3.5 m"


def test_bad_label():
    with pytest.raises(ValueError, match="a-1"):
        collect(["1 x a-1"])
