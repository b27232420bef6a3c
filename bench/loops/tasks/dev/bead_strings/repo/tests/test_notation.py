import pytest

from beads import threaded
from beads.notation import NotationError


def test_plain():
    assert threaded("red2 blue3") == ["red", "red", "blue", "blue", "blue"]


def test_group():
    assert threaded("red1 (blue1 gold1)x2") == ["red", "blue", "gold", "blue", "gold"]


def test_group_in_a_group():
    assert threaded("((red1)x2 gold1)x2") == ["red", "red", "gold", "red", "red", "gold"]


def test_beads_without_a_number():
    assert threaded("red2 gold red") == ["red", "red", "gold", "red"]


@pytest.mark.parametrize("text", ["red1 (blue1 pearl1)", "red1 (blue1 pearl1)x"])
def test_group_without_a_number(text):
    assert threaded(text) == ["red", "blue", "pearl"]


def test_no_beads_of_a_kind():
    assert threaded("red0 gold1 (blue1)x0") == ["gold"]


def test_empty_string():
    assert threaded("  ") == []


@pytest.mark.parametrize("text", ["red2 (blue1", "red2 blue1)x2", "red2 + gold1"])
def test_unreadable(text):
    with pytest.raises(NotationError):
        threaded(text)
