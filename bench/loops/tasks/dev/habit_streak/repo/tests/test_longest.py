from datetime import date

from habits import streaks


def march(*days):
    return [date(2024, 3, day) for day in days]


def test_one_day():
    assert streaks.longest_streak(march(5)) == (date(2024, 3, 5), 1)


def test_longest_of_three():
    days = march(1, 2, 5, 6, 7, 8, 11, 12, 13)
    assert streaks.longest_streak(days) == (date(2024, 3, 5), 4)


def test_last_one_is_the_longest():
    assert streaks.longest_streak(march(1, 2, 20, 21, 22)) == (date(2024, 3, 20), 3)


def test_earliest_of_equals():
    assert streaks.longest_streak(march(10, 11, 4, 5)) == (date(2024, 3, 4), 2)


def test_any_order_and_twice():
    assert streaks.longest_streak(march(7, 5, 6, 6, 5, 1)) == (date(2024, 3, 5), 3)


def test_over_the_end_of_a_month():
    days = {date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 3)}
    assert streaks.longest_streak(days) == (date(2024, 2, 29), 2)


def test_no_days():
    assert streaks.longest_streak([]) is None
