import pytest

from notify import Message, Outbox, QuietHours
from notify.clock import to_minute, to_text

NIGHT = QuietHours.parse("22:00-06:30")
LUNCH = QuietHours.parse("12:00 - 13:30")


@pytest.mark.parametrize(
    ("time", "quiet"),
    [("21:59", False), ("22:00", True), ("23:10", True), ("0:00", True), ("6:29", True)]
    + [("6:30", False), ("11:59", False), ("12:00", True), ("13:30", False)],
)
def test_is_quiet(time, quiet):
    assert Outbox((NIGHT, LUNCH)).is_quiet(to_minute(time)) is quiet


def test_message_is_held_over_night():
    box = Outbox((NIGHT,))
    box.post(Message("parcel arrived"), to_minute("23:45"))
    box.tick(to_minute("03:00"))
    assert box.sent == []
    box.tick(to_minute("06:30"))
    assert box.sent == [Message("parcel arrived")]


def test_digest():
    box = Outbox((LUNCH,))
    box.post(Message("a"), to_minute("12:10"))
    box.post(Message("b"), to_minute("12:20"))
    box.tick(to_minute("14"))
    assert box.sent == [Message("2 new: a ...")]
    assert box.held == []


def test_urgent_passes():
    box = Outbox((LUNCH,))
    box.post(Message("smoke alarm", urgent=True), to_minute("12:30"))
    assert len(box.sent) == 1


def test_wait():
    assert LUNCH.wait(to_minute("13:00")) == 30
    assert LUNCH.wait(to_minute("14:00")) == 0
    assert NIGHT.wait(to_minute("23:30")) == 7 * 60


def test_no_quiet_hours():
    never = QuietHours.parse("08:00-08:00")
    assert not never.covers(to_minute("08:00"))
    assert never.length == 0


def test_text():
    assert str(NIGHT) == "22:00-06:30"
    assert NIGHT.length == 510
    assert to_text(65) == "01:05"
    with pytest.raises(ValueError):
        to_minute("24:00")
