from datetime import date

from vet.reminders import due_soon, postcards
from vet.shots import Animal

REX = Animal("Rex", "Ott", {"distemper": date(2023, 6, 1), "rabies": date(2023, 6, 1)})
MIA = Animal("Mia", "Lund", {"leukaemia": date(2023, 12, 20)})
SAM = Animal("Sam", "Ott", {"leukaemia": date(2023, 8, 31)})


def test_due_soon():
    found = due_soon([MIA, REX], today=date(2024, 5, 25))
    assert [(animal.name, against) for _, animal, against in found] == [
        ("Rex", "distemper"),
        ("Mia", "leukaemia"),
    ]


def test_nothing_due():
    assert postcards([REX, MIA], today=date(2024, 1, 2)) == {}


def test_postcards():
    assert postcards([REX, MIA], today=date(2024, 6, 5)) == {
        "Ott": ["Rex: distemper was due on 1 Jun 2024"],
        "Lund": ["Mia: leukaemia is due on 20 Jun 2024"],
    }


def test_shot_on_the_last_of_august():
    assert postcards([SAM], today=date(2024, 2, 20)) == {
        "Ott": ["Sam: leukaemia is due on 29 Feb 2024"]
    }
