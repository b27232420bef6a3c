import pytest

from itinerary import Problem, check, parse_leg

HAM_FRA = "LN7 HAM>FRA 2025-03-01T06:00+01:00 2025-03-01T07:10+01:00"
OVER_NIGHT = "LN401 BOS>FRA 2025-03-01T18:05-05:00 2025-03-02T07:20+01:00"


def problems(*lines):
    return list(check([parse_leg(line) for line in lines]))


def test_domestic_change():
    onward = "LN90 FRA>CGN 2025-03-01T07:55+01:00 2025-03-01T08:45+01:00"
    assert problems(HAM_FRA, onward) == []


def test_domestic_change_too_short():
    onward = "LN90 FRA>CGN 2025-03-01T07:54+01:00 2025-03-01T08:45+01:00"
    assert problems(HAM_FRA, onward) == [Problem("FRA", "44 minutes, 45 needed")]


def test_home_from_abroad():
    onward = "LN90 FRA>CGN 2025-03-02T08:05+01:00 2025-03-02T08:55+01:00"
    assert problems(OVER_NIGHT, onward) == [Problem("FRA", "45 minutes, 80 needed")]


def test_abroad_after_a_domestic_flight():
    onward = "LN400 FRA>BOS 2025-03-01T08:25+01:00 2025-03-01T11:00-05:00"
    assert problems(HAM_FRA, onward) == [Problem("FRA", "75 minutes, 80 needed")]


def test_two_borders():
    onward = "LN22 FRA>LHR 2025-03-02T08:00+01:00 2025-03-02T08:40+00:00"
    assert problems(OVER_NIGHT, onward) == [Problem("FRA", "40 minutes, 80 needed")]


def test_enough_time_for_two_borders():
    to_london = "LN22 FRA>LHR 2025-03-02T08:40+01:00 2025-03-02T09:20+00:00"
    to_lisbon = "LN31 LHR>LIS 2025-03-02T10:55+00:00 2025-03-02T13:40+00:00"
    assert problems(OVER_NIGHT, to_london, to_lisbon) == []


def test_wrong_airport():
    onward = "LN22 CGN>LHR 2025-03-01T10:00+01:00 2025-03-01T10:40+00:00"
    assert problems(HAM_FRA, onward) == [Problem("FRA", "LN22 leaves from CGN")]


def test_a_stay():
    onward = "LN90 FRA>CGN 2025-03-02T08:30+01:00 2025-03-02T09:20+01:00"
    assert problems(HAM_FRA, onward) == [Problem("FRA", "more than a day; that is a stay")]


@pytest.mark.parametrize("line", ["LN7 HAM-FRA", "LN7 HAM>XXX 2025-03-01T06:00 2025-03-01T07:00"])
def test_bad_legs(line):
    with pytest.raises(ValueError):
        _ = parse_leg(line).international
