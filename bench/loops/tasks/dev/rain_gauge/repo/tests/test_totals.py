import inspect
from datetime import date, datetime

import pytest

from rain import alerts, readings, report
from rain.readings import Reading


def test_totals_by_day():
    log = [
        Reading(datetime(2024, 5, 2, 6), 1.5),
        Reading(datetime(2024, 5, 1, 6), 2.0),
        Reading(datetime(2024, 5, 2, 18), 3.0),
    ]
    totals = readings.daily_totals(log)
    assert list(totals.items()) == [(date(2024, 5, 1), 2.0), (date(2024, 5, 2), 4.5)]


def test_faulty_readings_do_not_count():
    log = [
        Reading(datetime(2024, 5, 1, 6), 2.0),
        Reading(datetime(2024, 5, 1, 7), 60.0, faulty=True),
        Reading(datetime(2024, 5, 3, 7), 60.0, faulty=True),
    ]
    assert readings.daily_totals(log) == {date(2024, 5, 1): 2.0}


def test_no_readings():
    assert readings.daily_totals(iter([])) == {}


@pytest.mark.parametrize("function", [report.monthly_report, alerts.flood_days])
def test_both_modules_use_it(function):
    source = inspect.getsource(function)
    assert "daily_totals(" in source
    assert ".get(" not in source
