import pytest

from courses.course import Course, NotEnrolled
from courses.term import demand, leave_all


@pytest.fixture
def yoga():
    course = Course("yoga", 2)
    for name in ("ann", "bob", "cleo", "dan"):
        course.join(name)
    return course


def test_join(yoga):
    assert yoga.members == ["ann", "bob"]
    assert yoga.waiting == ["cleo", "dan"]


def test_somebody_moves_up(yoga):
    assert yoga.leave("ann") == "cleo"
    assert yoga.members == ["bob", "cleo"]


def test_nobody_waits():
    course = Course("chess", 3, ["ann"])
    assert course.leave("ann") is None
    assert course.free == 3


def test_leave_the_waiting_list(yoga):
    assert yoga.leave("cleo") is None
    assert yoga.members == ["ann", "bob"]
    assert yoga.waiting == ["dan"]


def test_never_joined(yoga):
    with pytest.raises(NotEnrolled):
        yoga.leave("eve")


def test_demand(yoga):
    assert demand(yoga) == 4


def test_leave_all(yoga):
    chess = Course("chess", 1, ["dan"], ["eve"])
    choir = Course("choir", 9, ["ann"])
    assert leave_all([yoga, chess, choir], "dan") == {"yoga": None, "chess": "eve"}
