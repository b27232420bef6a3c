from datetime import date

import pytest

from habits.log import read_log
from habits.streaks import current_streak, gaps
from habits.view import month_row, percent

LOG = """
2024-02-27: run
2024-02-28: run, stretch
2024-02-29: stretch,

2024-03-01: stretch
2024-02-28: read
""".splitlines()


def february(*days):
    return [date(2024, 2, day) for day in days]


def test_log():
    habits = read_log(LOG)
    assert sorted(habits) == ["read", "run", "stretch"]
    assert habits["run"] == {date(2024, 2, 27), date(2024, 2, 28)}


def test_unreadable_log():
    with pytest.raises(ValueError, match="no colon"):
        read_log(["2024-02-28 run"])


def test_current_streak():
    assert current_streak(read_log(LOG)["stretch"], date(2024, 3, 1)) == 3


def test_today_is_not_over():
    assert current_streak(read_log(LOG)["stretch"], date(2024, 3, 2)) == 3
    assert current_streak(read_log(LOG)["stretch"], date(2024, 3, 3)) == 0


def test_gaps():
    assert gaps(february(9, 3, 4, 10)) == [(date(2024, 2, 4), date(2024, 2, 9))]


def test_month():
    assert month_row(february(1, 2, 29), 2024, 2) == "##" + 26 * "." + "#"
    assert percent(february(1, 2, 29), 2024, 2) == 10
