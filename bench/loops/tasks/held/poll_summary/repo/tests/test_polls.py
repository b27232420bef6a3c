from polls import stats
from polls.render import line, ranking
from polls.stats import summary, valid


def test_valid():
    assert valid([0, 1, 5, 6]) == [1, 5]


def test_unpacking():
    count, mean, top = summary([5, 4, 4, 9])
    assert (count, mean, top) == (3, 4.33, 4)


def test_tie_goes_to_the_higher_answer():
    assert summary([2, 3])[2] == 3


def test_summary_has_names():
    result = summary([5, 4, 4])
    assert isinstance(result, stats.Summary)
    assert result.count == 3
    assert result.mean == 4.33
    assert result.top == 4


def test_empty_summary_has_names():
    result = summary([])
    assert result == stats.Summary(count=0, mean=0.0, top=0)
    assert isinstance(result, stats.Summary)


def test_line():
    assert line("Food", [5, 4, 4]) == "Food: 4.33 (3 answers, mostly 4)"
    assert line("Noise", []) == "Noise: no answers"


def test_ranking():
    assert ranking({"Noise": [2], "Food": [5], "Light": [3, 4]}) == ["Food", "Light", "Noise"]
