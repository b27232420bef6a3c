from opening.guide import open_at, read_guide
from opening.hours import Span, is_open, parse_clock, parse_span

GUIDE = read_guide("""
Blue Note: 18:00-2:00
Cafe Ida: 8:00-12:00, 14:00-18:00
Tavern: 11:00-23:30
""")


def test_parse():
    assert parse_clock("18:30") == 1110
    assert parse_span("8:00-12:00") == Span(480, 720)


def test_during_the_day():
    assert is_open(parse_span("8:00-12:00"), 480)
    assert not is_open(parse_span("8:00-12:00"), 720)


def test_before_midnight():
    assert is_open(parse_span("18:00-2:00"), parse_clock("23:00"))


def test_after_midnight():
    span = parse_span("18:00-2:00")
    assert is_open(span, parse_clock("1:59"))
    assert not is_open(span, parse_clock("2:00"))
    assert not is_open(span, parse_clock("12:00"))


def test_lunch():
    assert open_at(GUIDE, "13:00") == ["Tavern"]


def test_afternoon():
    assert open_at(GUIDE, "15:00") == ["Cafe Ida", "Tavern"]


def test_night():
    assert open_at(GUIDE, "23:15") == ["Blue Note", "Tavern"]
    assert open_at(GUIDE, "0:30") == ["Blue Note"]
