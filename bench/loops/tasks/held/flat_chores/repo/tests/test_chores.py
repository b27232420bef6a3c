from chores.board import Flat, board, free
from chores.plan import order, share_out

PEOPLE = ["Ada", "Ben", "Cem"]


def test_order():
    assert order(PEOPLE, 0) == PEOPLE
    assert order(PEOPLE, 4) == ["Ben", "Cem", "Ada"]


def test_one_person():
    assert share_out(["Ada"], ["bins", "bath"]) == {"Ada": ["bins", "bath"]}


def test_one_each():
    assert share_out(PEOPLE, ["bins", "bath", "stairs"]) == {
        "Ada": ["bins"],
        "Ben": ["bath"],
        "Cem": ["stairs"],
    }


def test_no_chores():
    assert share_out(PEOPLE, []) == {"Ada": [], "Ben": [], "Cem": []}


def test_board():
    flat = Flat(PEOPLE, ["bins", "bath", "stairs", "oven"])
    assert board(flat, 1) == ["Ada: stairs", "Ben: bins, oven", "Cem: bath"]


def test_free():
    assert free(Flat(PEOPLE, ["bins"]), 0) == ["Ben", "Cem"]
