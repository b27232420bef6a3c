from mail.subjects import base_subject, is_reply
from mail.threads import Mail, threads, unanswered


def test_plain_subject():
    assert base_subject(" Lunch on Friday ") == "lunch on friday"


def test_reply():
    assert base_subject("Re: Lunch") == "lunch"


def test_letters_of_the_subject_stay():
    assert base_subject("Re: error report") == "error report"
    assert base_subject("AW: wardrobe") == "wardrobe"


def test_several_prefixes():
    assert base_subject("Fwd: RE: re: Figures") == "figures"


def test_is_reply():
    assert is_reply("aw: Tickets")
    assert not is_reply("Rehearsal")


def test_threads():
    mails = [
        Mail("bo", "Re: Door code", 4),
        Mail("ann", "Door code", 2),
        Mail("cy", "Rent", 3),
    ]
    assert {subject: len(group) for subject, group in threads(mails).items()} == {
        "door code": 2,
        "rent": 1,
    }
    assert unanswered(mails) == ["rent"]
