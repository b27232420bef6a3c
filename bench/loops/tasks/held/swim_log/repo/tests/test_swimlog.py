from datetime import date

import pytest

import swimlog
from swimlog import by_distance, pace, quick_days, read_swim, seconds_of

SWIMS = [
    read_swim("2026-03-02 100 1:32.5 crawl"),
    read_swim("2026-03-02 50 0:41.0 crawl"),
    read_swim("2026-03-05 100 1:50.1 breast"),
    read_swim("2026-03-09 100 1:30.0 crawl"),
]


def test_seconds():
    assert seconds_of("1:32.5") == 92.5


def test_not_a_whole_number_of_lengths():
    with pytest.raises(ValueError):
        read_swim("2026-03-02 110 1:32.5 crawl")


def test_pace():
    assert pace(SWIMS[1]) == 82


def test_by_distance():
    assert {metres: len(swims) for metres, swims in by_distance(SWIMS).items()} == {100: 3, 50: 1}


def test_averages():
    assert swimlog.averages(SWIMS, 1) == {100: 97.5, 50: 41.0}


def test_rare_distances_are_left_out():
    assert swimlog.averages(SWIMS[:3], 2) == {100: 101.3}
    assert swimlog.averages(SWIMS, 4) == {}
    assert swimlog.averages([], 1) == {}


def test_quick_days():
    assert quick_days(SWIMS, 95) == [date(2026, 3, 2), date(2026, 3, 9)]
