import pytest

import roll
from roll import Rehearsal, can_sing, missing_list, present_list, read_choir
from singer import Singer

CHOIR = """
Moreau, Chloe (alto)
Brandt, Ute (soprano)
Adeyemi, Tola (alto)
Costa, Rui (bass)
Weiss, Jan (tenor)
"""


@pytest.fixture
def rehearsal():
    return Rehearsal("2024-05-14", read_choir(CHOIR))


def arrive(rehearsal, *surnames):
    for singer in rehearsal.choir:
        if singer.surname in surnames:
            rehearsal.arrives(singer)


def test_choir(rehearsal):
    assert rehearsal.choir[0] == Singer("Moreau", "Chloe", "alto")
    assert len(rehearsal.choir) == 5


def test_present(rehearsal):
    arrive(rehearsal, "Moreau", "Weiss", "Adeyemi")
    assert present_list(rehearsal) == ["alto (2): Tola A., Chloe M.", "tenor (1): Jan W."]


def test_missing(rehearsal):
    arrive(rehearsal, "Brandt", "Weiss")
    rehearsal.excuses(rehearsal.choir[0])
    assert missing_list(rehearsal) == [
        "soprano: nobody",
        "alto: Tola A.*, Chloe M.",
        "tenor: nobody",
        "bass: Rui C.*",
    ]


def test_guest(rehearsal):
    with pytest.raises(LookupError, match="Ana B. does not sing here"):
        rehearsal.arrives(Singer("Bo", "Ana", "alto"))


def test_can_sing(rehearsal):
    arrive(rehearsal, "Moreau", "Brandt", "Costa")
    assert not can_sing(rehearsal, at_least=1)
    arrive(rehearsal, "Weiss")
    assert can_sing(rehearsal, at_least=1)


def test_by_voice(rehearsal):
    chloe, ute, tola, rui, jan = rehearsal.choir
    groups = roll.by_voice({chloe, tola, rui})
    assert list(groups.items()) == [
        ("soprano", []),
        ("alto", [tola, chloe]),
        ("tenor", []),
        ("bass", [rui]),
    ]


@pytest.mark.parametrize("make_list", [present_list, missing_list])
def test_both_lists_use_by_voice(rehearsal, make_list, monkeypatch):
    arrive(rehearsal, "Moreau")
    calls = []
    monkeypatch.setattr(roll, "by_voice", lambda singers: calls.append(set(singers)) or {})
    assert make_list(rehearsal) == []
    assert len(calls) == 1
