import pytest

from runoff.ballots import candidates, read_ballots


def test_read():
    cast = read_ballots(["Ada > Bo", "", "3: Bo", "Ada>Bo"])
    assert cast == {("Ada", "Bo"): 2, ("Bo",): 3}


def test_candidates():
    assert candidates(read_ballots(["Ada > Bo", "Cy"])) == {"Ada", "Bo", "Cy"}


def test_ranked_twice():
    with pytest.raises(ValueError, match="twice"):
        read_ballots(["Ada > Bo > Ada"])
