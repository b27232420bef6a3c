import pytest

from takes.events import read_events
from takes.notes import Note, notes
from takes.sheet import beats, keys_used, sheet

CHORD = """
0    on  1 60 90
0    on  1 64 80   # the thumb is late
480  off 1 64
960  off 1 60
"""


def take(text):
    return notes(read_events(text))


def test_a_chord():
    assert take(CHORD) == [Note(0, 60, 960, 90), Note(0, 64, 480, 80)]


def test_strike_without_velocity_is_a_release():
    assert take("0 on 1 62 70\n240 on 1 62 0\n480 off 1 62") == [Note(0, 62, 240, 70)]


def test_key_still_down_at_the_end():
    assert take("0 on 1 60 90\n100 on 1 62 90\n300 off 1 62") == [
        Note(0, 60, 300, 90),
        Note(100, 62, 200, 90),
    ]


def test_struck_again_before_the_release():
    assert take("0 on 1 60 90\n200 on 1 60 50\n480 off 1 60") == [
        Note(0, 60, 200, 90),
        Note(200, 60, 280, 50),
    ]


def test_trill_without_any_release():
    text = "".join(f"{tick} on 3 71 64\n" for tick in range(0, 400, 100))
    assert [note.length for note in take(text)] == [100, 100, 100, 0]
    assert keys_used(take(text)) == [("B4", 4)]


def test_same_key_on_two_channels():
    assert len(take("0 on 1 60 90\n50 on 2 60 90\n90 off 1 60\n95 off 2 60")) == 2


def test_sheet():
    assert sheet(take(CHORD)) == "       0  C4  2\n       0  E4  1"


@pytest.mark.parametrize(("ticks", "text"), [(960, "2"), (500, "1+20/480")])
def test_beats(ticks, text):
    assert beats(ticks) == text
