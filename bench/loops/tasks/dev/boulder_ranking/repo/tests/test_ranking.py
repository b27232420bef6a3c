import pytest

from boulder.card import Entry, parse_card, parse_entry
from boulder.ranking import as_table, finalists, ranking
from boulder.score import Score


def order(*lines):
    return [(place, name) for place, name, _ in ranking(lines)]


def test_card():
    name, entries = parse_card("Mira Holt: T3z1 z2 -")
    assert name == "Mira Holt"
    assert entries == [Entry(3, 1), Entry(None, 2), Entry()]


def test_top_includes_zone():
    assert parse_entry("T2") == Entry(2, 2)


@pytest.mark.parametrize("text", ["", "Z", "T", "3"])
def test_bad_entries(text):
    with pytest.raises(ValueError):
        parse_entry(text)


def test_score():
    assert Score.of([Entry(3, 1), Entry(None, 2), Entry()]) == Score(1, 2, 3, 3)


def test_tops_before_zones():
    assert order("Ada: z1 z1", "Bea: T9z9 -") == [(1, "Bea"), (2, "Ada")]


def test_zones_decide():
    assert order("Ada: T1 -", "Bea: T1 z4") == [(1, "Bea"), (2, "Ada")]


def test_fewer_attempts_to_the_top_decide():
    assert order("Ada: T4z1 z1", "Bea: T2z2 z5") == [(1, "Bea"), (2, "Ada")]


def test_fewer_attempts_to_the_zone_decide():
    assert order("Ada: T2z2 z3", "Bea: T2z1 z1") == [(1, "Bea"), (2, "Ada")]


def test_shared_place():
    lines = ["Cleo: z1", "Bea: T1", "Ada: T1", "Dora: -"]
    assert order(*lines) == [(1, "Ada"), (1, "Bea"), (3, "Cleo"), (4, "Dora")]


def test_finalists():
    lines = ["Ada: T1", "Bea: z2", "Cleo: z2", "Dora: -"]
    assert finalists(lines, places=2) == ["Ada", "Bea", "Cleo"]


def test_table():
    assert as_table(["Ada: T2z1"]) == " 1. Ada             1T1z 2 1"
