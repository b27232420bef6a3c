from datetime import datetime

import pytest

from garden.frost import Frost, frosts
from garden.logger import readings
from garden.shelter import advice, plan

NIGHT = """\
# greenhouse, north side
2024-04-18 22:00;1,5
2024-04-19 02:30;-0,5
2024-04-19 04:00;-1,5
2024-04-19 05:00;-99,9
2024-04-19 06:30;-0,5
2024-04-19 09:00;6,0
"""

FEBRUARY = """\
2024-02-09 18:00;-0,5
2024-02-10 06:00;-1,5
2024-02-10 15:00;-0,5
2024-02-11 01:00;-1,0
2024-02-11 11:00;3,5
2024-02-11 23:00;-1,0
"""


def spells(text):
    return frosts(readings(text.splitlines()))


def test_one_night():
    [frost] = spells(NIGHT)
    assert (frost.hours, frost.lowest) == (4, -1.5)


def test_text():
    [frost] = spells(NIGHT)
    assert str(frost) == "19.04. 02:30, 4 h, down to -1.5 °C"


def test_frost_over_more_than_a_day():
    long, short = spells(FEBRUARY)
    assert long.hours == 31
    assert short.hours == 0


def test_plants_in_a_long_frost():
    long, _ = spells(FEBRUARY)
    assert plan(long, ["rosemary", "dahlia", "fig"]) == {
        "fleece": ["fig"],
        "indoors": ["dahlia", "rosemary"],
    }


def test_plants_in_a_short_frost():
    [frost] = spells(NIGHT)
    assert plan(frost, ["lemon", "dahlia"]) == {"fleece": ["dahlia"], "indoors": ["lemon"]}


def test_unknown_plant():
    noon = datetime(2024, 2, 10, 12)
    with pytest.raises(LookupError, match="gnome"):
        advice("gnome", Frost(noon, noon, -1.0))
