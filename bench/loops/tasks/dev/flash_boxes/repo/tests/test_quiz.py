from datetime import date

import pytest

from cards import Card, dump, load
from quiz import Quiz
from timetable import due_cards

FILE = """\
front,back,box,seen
der Zug,train,4,2024-03-01
die Brücke,bridge,1,2024-03-20
die Bank,bank / bench,,
das Ei,egg,2,2024-03-19
"""
TODAY = date(2024, 3, 22)


@pytest.fixture
def quiz():
    return Quiz(load(FILE), TODAY)


def test_due(quiz):
    assert [card.front for card in quiz.round()] == ["die Brücke", "der Zug", "das Ei", "die Bank"]
    assert [card.front for card in quiz.round(1)] == ["die Brücke"]


def test_not_due():
    assert due_cards([Card("rot", "red", 3, date(2024, 3, 15))], TODAY) == []


def test_right(quiz):
    card = quiz.cards[1]
    assert quiz.answer(card, " Bridge") == date(2024, 3, 25)
    assert card.box == 2


def test_one_meaning_is_enough(quiz):
    assert quiz.answer(quiz.cards[2], "bench") == date(2024, 3, 23)


def test_wrong(quiz):
    card = quiz.cards[3]
    assert quiz.answer(card, "ice") == TODAY
    assert (card.box, card.slips) == (0, 1)


def test_right_in_the_last_box(quiz):
    card = quiz.cards[0]
    assert quiz.answer(card, "train") == date(2024, 4, 12)
    assert card.box == 4


def test_always_right(quiz):
    for card in quiz.cards:
        for _ in range(6):
            quiz.answer(card, card.back.split("/")[0])
    assert quiz.progress() == 1


def test_progress(quiz):
    assert quiz.progress() == 7 / 16


def test_leeches(quiz):
    for _ in range(4):
        quiz.answer(quiz.cards[3], "?")
    assert quiz.leeches() == ["das Ei"]


def test_file(quiz):
    assert load(dump(quiz.cards)) == quiz.cards
