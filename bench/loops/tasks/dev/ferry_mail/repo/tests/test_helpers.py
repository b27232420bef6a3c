from datetime import datetime

import pytest

import letters
from booking import Booking, Sailing

SAILING = Sailing("Tiree", "Coll", datetime(2024, 12, 24, 16, 30))
BOOKING = Booking("SK7", "Ito", SAILING, 1, 900)


def test_greeting():
    assert letters.greeting(BOOKING) == "Hello Ito,"
    assert letters.greeting(Booking("SK8", "Ito", SAILING, 1, 900, "Ms")) == "Dear Ms Ito,"


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00 EUR"), (905, "9.05 EUR"), (120050, "1200.50 EUR")]
)
def test_euros(cents, text):
    assert letters.euros(cents) == text


def test_sailing_line():
    assert letters.sailing_line(SAILING) == "Tiree - Coll, 24.12.2024 16:30"


@pytest.mark.parametrize("write", [letters.confirmation, letters.reminder])
@pytest.mark.parametrize("helper", ["greeting", "euros", "sailing_line"])
def test_both_letters_use_the_helpers(write, helper, monkeypatch):
    monkeypatch.setattr(letters, helper, lambda _: "<here>")
    assert write(BOOKING).count("<here>") == 1
