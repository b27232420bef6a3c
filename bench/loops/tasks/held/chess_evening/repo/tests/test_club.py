import pytest

from club.evening import pair_up
from club.history import History


@pytest.fixture
def history():
    history = History()
    history.record("ann", "bob", "1-0")
    history.record("cy", "dora", "draw")
    return history


def test_first_evening():
    assert pair_up(History(), ["bob", "cy", "ann"]) == ([("ann", "bob")], ["cy"])


def test_points(history):
    assert history.standing(["ann", "bob", "cy", "dora"]) == ["ann", "cy", "dora", "bob"]


def test_never_met(history):
    assert not history.have_met("ann", "cy")


def test_same_colours(history):
    assert pair_up(history, ["ann", "bob"]) == ([], ["ann", "bob"])


def test_other_colours(history):
    history.record("dora", "ann", "0-1")
    assert pair_up(history, ["ann", "dora"]) == ([], ["ann", "dora"])


def test_black_won(history):
    history.record("eve", "fay", "0-1")
    assert pair_up(history, ["eve", "fay"]) == ([], ["fay", "eve"])


def test_unknown_result(history):
    with pytest.raises(ValueError):
        history.record("ann", "cy", "2-0")


def test_everybody(history):
    assert pair_up(history, ["ann", "bob", "cy", "dora"]) == ([("ann", "cy"), ("dora", "bob")], [])
