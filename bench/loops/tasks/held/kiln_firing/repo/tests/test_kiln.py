import pytest

from kiln.diary import entry, ready_at
from kiln.firing import Firing


@pytest.fixture
def glaze():
    return Firing("glaze").add(620, 100).add(1220, 200, 30).add(320, 300)


def test_start(glaze):
    assert [glaze.start_c(index) for index in range(3)] == [20, 620, 1220]


def test_heating(glaze):
    assert glaze.minutes(0) == 360


def test_holding(glaze):
    assert glaze.minutes(1) == 210


def test_cooling(glaze):
    assert glaze.minutes(2) == 180


def test_total(glaze):
    assert glaze.total() == 750
    assert Firing("nothing").total() == 0


def test_ready(glaze):
    assert ready_at(glaze, 600) == "22:30"


def test_entry(glaze):
    assert entry(glaze) == "glaze: 3 segments, up to 1220 C"
