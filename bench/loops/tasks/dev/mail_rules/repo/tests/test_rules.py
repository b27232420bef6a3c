import pytest

from mailbox_rules.filing import file_all
from mailbox_rules.message import Message, parse_message
from mailbox_rules.rules import Rule, folder_for, read_rules

RULES = read_rules(
    [
        "# the association",
        'from is "treasurer@example.org" -> Money',
        'subject has "board" -> Board',
        'body has "unsubscribe" -> Newsletters',
    ]
)

FIRST = """\
From: ann@example.org
Subject: Board minutes
Date: Mon, 3 Jun 2024

Please read them.
"""

REPLY = """\
From: ben@example.org
SUBJECT: Re: Board minutes
Received: by mx1
Received: by mx2

Done.

Ben
"""


def test_rules():
    assert RULES[1] == Rule("subject", "has", "board", "Board")
    assert len(RULES) == 3


def test_unreadable_rule():
    with pytest.raises(ValueError, match="line 2"):
        read_rules(["", "subject board -> Board"])


def test_parse():
    message = parse_message(FIRST)
    assert message.header("Subject") == "Board minutes"
    assert message.header("cc") == ""
    assert message.body == "Please read them.\n"


def test_first_of_equal_headers():
    assert parse_message(REPLY).header("received") == "by mx1"


def test_folded_header():
    message = parse_message("Subject: a long\n  way to go\nTo: me\n\n")
    assert message == Message({"subject": "a long way to go", "to": "me"}, "")


def test_first_rule_counts():
    message = parse_message("From: Treasurer@example.org\nSubject: board\n\n")
    assert folder_for(message, RULES) == "Money"


def test_body():
    assert folder_for(parse_message("To: me\n\nclick to unsubscribe"), RULES) == "Newsletters"


def test_reply_is_filed_with_its_thread():
    assert folder_for(parse_message(REPLY), RULES) == "Board"


def test_file_all():
    lunch = "From: cy@example.org\nSubject: Lunch at 12:30?\n\n"
    assert file_all([REPLY, FIRST, lunch, "To: me\n\nhi"], RULES) == {
        "Board": ["Re: Board minutes", "Board minutes"],
        "Inbox": ["Lunch at 12:30?", "(no subject)"],
    }
