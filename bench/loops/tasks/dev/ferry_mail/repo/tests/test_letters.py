from dataclasses import replace
from datetime import datetime

import pytest

from booking import Booking, Sailing
from letters import confirmation, reminder

SAILING = Sailing("Oban", "Barra", datetime(2024, 6, 3, 7, 5))
BOOKING = Booking("SK81", "Moreau", SAILING, 2, 12805, title="Dr")


def test_confirmation():
    assert confirmation(BOOKING) == (
        "Dear Dr Moreau,\n"
        "we have booked 2 people under SK81:\n"
        "Oban - Barra, 03.06.2024 07:05\n"
        "Price: 128.05 EUR\n"
        "Your Skerry Line"
    )


def test_confirmation_for_one_person():
    letter = confirmation(replace(BOOKING, passengers=1, title=""))
    assert letter.startswith("Hello Moreau,\nwe have booked 1 person under SK81:\n")


def test_reminder():
    assert reminder(replace(BOOKING, paid_cents=10000, title="")) == (
        "Hello Moreau,\n"
        "please pay 28.05 EUR for SK81 before you board:\n"
        "Oban - Barra, 03.06.2024 07:05\n"
        "Your Skerry Line"
    )


def test_reminder_of_a_paid_booking():
    with pytest.raises(ValueError, match="SK81 is paid"):
        reminder(replace(BOOKING, paid_cents=12805))


def test_open_cents():
    assert replace(BOOKING, paid_cents=20000).open_cents == 0
