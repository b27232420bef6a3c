import pytest

from match import Match


@pytest.fixture
def match():
    return Match("Ida", "Tom")


def test_turns(match):
    assert match.throws("Ida", "T20", "T20", "5") == 376
    assert match.throws("Tom", "MISS", "1", "20") == 480


def test_bust(match):
    match.left["Ida"] = 20
    assert match.throws("Ida", "19", "MISS") == 20


def test_winner(match):
    match.left["Ida"] = 90
    assert match.throws("Ida", "BULL", "D20") == 0
    assert match.winner == "Ida"
    with pytest.raises(RuntimeError, match="Ida has won already"):
        match.throws("Tom", "20")


def test_average(match):
    match.throws("Ida", "T20", "T20", "T20")
    match.throws("Ida", "1", "MISS", "20")
    assert match.average("Ida") == 100.5
    assert match.average("Tom") == 0
