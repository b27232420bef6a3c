from voices.notes import Range, note_number, parse_range
from voices.singers import can_reach, read_choir

CHOIR = read_choir("""
Ines: B3-G5
Jo: F3-Eb5
Piet: E2-E4
""")


def test_plain_notes():
    assert note_number("C4") == 60
    assert note_number(" A4 ") == 69
    assert note_number("B3") == 59


def test_sharps():
    assert note_number("F#3") == 54


def test_flats():
    assert note_number("Eb4") == 63
    assert note_number("Bb3") == note_number("A#3")


def test_range():
    assert parse_range("C4-A5") == Range(60, 81)


def test_everybody():
    assert can_reach(CHOIR, "C4") == ["Ines", "Jo", "Piet"]


def test_high():
    assert can_reach(CHOIR, "E5") == ["Ines"]


def test_between():
    assert can_reach(CHOIR, "Bb3") == ["Jo", "Piet"]
