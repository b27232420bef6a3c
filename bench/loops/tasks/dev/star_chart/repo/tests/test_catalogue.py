import pytest

from sky.catalogue import always_up, brightest, read_stars

TABLE = """
Sirius  | 06 45 08.9 | -16 42 58 | -1.46
Polaris | 02 31 49.1 | +89 15 51 | 1.98

Mintaka | 05 32 00.4 | -00 17 57 | 2.23
Canopus | 06 23 57.1 | -52 41 44 | -0.74
"""


@pytest.fixture
def stars():
    return list(read_stars(TABLE))


def test_brightest(stars):
    assert [star.name for star in brightest(stars, 2)] == ["Sirius", "Canopus"]


def test_halves(stars):
    assert [star.half for star in stars] == ["south", "north", "south", "south"]


def test_always_up(stars):
    assert always_up(stars, 52.5) == ["Polaris"]
    assert always_up(stars, -42.9) == ["Canopus"]
