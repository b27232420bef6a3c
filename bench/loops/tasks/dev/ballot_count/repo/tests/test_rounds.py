import pytest

from runoff.ballots import read_ballots
from runoff.rounds import Round, count, tally, weakest, winner


def test_first_round_decides():
    assert count(read_ballots(["3: Ada > Bo", "2: Bo > Ada"])) == [Round({"Ada": 3, "Bo": 2}, None)]


def test_votes_are_passed_on():
    cast = read_ballots(["4: Ada > Bo", "3: Bo > Cy", "2: Cy > Bo"])
    assert count(cast) == [
        Round({"Ada": 4, "Bo": 3, "Cy": 2}, "Cy"),
        Round({"Ada": 4, "Bo": 5}, None),
    ]
    assert winner(cast) == "Bo"


def test_exhausted_ballots():
    cast = read_ballots(["4: Ada", "3: Bo", "1: Cy", "1: Di > Cy"])
    assert count(cast) == [
        Round({"Ada": 4, "Bo": 3, "Cy": 1, "Di": 1}, "Di"),
        Round({"Ada": 4, "Bo": 3, "Cy": 2}, "Cy"),
        Round({"Ada": 4, "Bo": 3}, None),
    ]


def test_half_of_what_is_left_is_not_enough():
    cast = read_ballots(["2: Ada", "2: Bo", "1: Cy"])
    assert [found.out for found in count(cast)] == ["Cy", "Bo", None]
    assert winner(cast) == "Ada"


def test_tally_of_some():
    cast = read_ballots(["2: Ada > Bo", "5: Cy"])
    assert tally(cast, {"Bo", "Ada"}) == {"Ada": 2, "Bo": 0}


def test_weakest():
    assert weakest({"Ada": 3, "Bo": 1, "Cy": 1, "Di": 4}) == "Cy"


def test_no_ballots():
    with pytest.raises(ValueError, match="no ballots"):
        count(read_ballots([]))
