from bells import call, is_true, moved, place_of, rounds, stage, swap

MINOR = rounds(6)


def test_rounds():
    assert rounds(4) == [1, 2, 3, 4]


def test_stage():
    assert stage(MINOR) == "Minor"
    assert stage([2, 1]) == "2 bells"


def test_swap():
    assert swap(MINOR, 1) == [2, 1, 3, 4, 5, 6]
    assert swap(MINOR, 5) == [1, 2, 3, 4, 6, 5]


def test_place():
    assert place_of([3, 1, 2], 2) == 3


def test_call():
    assert call([1, 2, 3, 4], [2, 3]) == [1, 3, 4, 2]


def test_true():
    assert is_true([[1, 2], [2, 1], [1, 2]])
    assert not is_true([[1, 2], [1, 2], [2, 1]])


def test_moved():
    assert moved([1, 2, 3], [1, 3, 2]) == [2, 3]
