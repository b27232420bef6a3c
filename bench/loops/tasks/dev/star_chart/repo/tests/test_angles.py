import pytest

from sky.angles import read_declination, read_right_ascension


def test_north():
    assert read_declination("+07 24 25.4") == pytest.approx(7.407056, abs=1e-6)
    assert read_declination("89° 15' 51\"") == pytest.approx(89.264167, abs=1e-6)


def test_south():
    assert read_declination("-16 42 58") == pytest.approx(-16.716111, abs=1e-6)


def test_just_north_of_the_equator():
    assert read_declination("+00 45 00") == 0.75


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("-00 17 57", -0.299167), ("-0° 30' 00\"", -0.5), (" -00 00 36", -0.01)],
)
def test_just_south_of_the_equator(text, degrees):
    assert read_declination(text) == pytest.approx(degrees, abs=1e-6)


def test_right_ascension():
    assert read_right_ascension("06h 45m 00s") == 101.25


@pytest.mark.parametrize("text", ["", "12", "12 60 00", "12 00 60.0"])
def test_no_angle(text):
    with pytest.raises(ValueError):
        read_declination(text)


def test_hours_of_the_day():
    with pytest.raises(ValueError, match="24 hours"):
        read_right_ascension("24 00 00")
