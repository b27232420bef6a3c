from sensors.feed import parse_packet, series
from sensors.smooth import smooth, spikes


def test_packet():
    assert parse_packet("t=21.5; rh=40;x;y=?") == {"t": 21.5, "rh": 40.0}


def test_series():
    assert series(["t=1;rh=2", "rh=3", "t=4"], "t") == [1.0, 4.0]


def test_one_reading():
    assert smooth([7]) == [7]


def test_window_is_centred():
    assert smooth([1, 9, 2, 3, 4]) == [5, 2, 3, 3, 3.5]


def test_wider_window():
    assert smooth([4, 4, 9, 1, 5, 5], reach=2) == [4, 4, 4, 5, 5, 5]


def test_constant():
    assert smooth([3, 3, 3, 3]) == [3, 3, 3, 3]


def test_spike():
    assert spikes([20, 21, 80, 21, 20]) == [2]
