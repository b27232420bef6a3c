from datetime import date

import pytest

from apiary import hive_line, report
from gains import best_day, daily_gains, total
from readings import Reading, of_hive, parse

LOG = """
2024-05-01 north 41.0
2024-05-02 north 42.5
2024-05-01 south 38.0   # new queen
2024-05-04 north 44.5
2024-05-05 north 52.0 +super
2024-05-06 north 51.8
""".splitlines()


@pytest.fixture
def north():
    return of_hive(parse(LOG), "north")


def test_parse():
    readings = list(parse(LOG))
    assert len(readings) == 6
    assert readings[2] == Reading(date(2024, 5, 1), "south", 38.0)
    assert readings[4].note == "+super"


def test_since():
    assert len(of_hive(parse(LOG), "north", since=date(2024, 5, 4))) == 3


def test_gains(north):
    gains = [(day.day, round(kilos, 2)) for day, kilos in daily_gains(north)]
    assert gains == [(2, 1.5), (4, 1.0), (6, -0.2)]


def test_best_day():
    assert best_day([(1, 0.5), (2, 2.0), (3, 2.0)]) == (2, 2.0)


def test_total_leaves_the_super_out(north):
    assert total(north) == pytest.approx(3.3)


def test_one_reading():
    assert hive_line("south", of_hive(parse(LOG), "south")) == "south    no data"


def test_report():
    assert report(LOG, ["north"]) == ["north    +3.3 kg, best 02 May +1.5"]


def test_hive_without_readings():
    assert report(LOG, ["attic", "south"]) == ["attic    no data", "south    no data"]


def test_period_without_readings():
    lines = report(LOG, ["north", "south"], since=date(2024, 5, 5))
    assert lines == ["north    -0.2 kg, best 06 May -0.2", "south    no data"]
