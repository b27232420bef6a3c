"""Mails grouped into threads by their subject."""

from dataclasses import dataclass

from mail.subjects import base_subject, is_reply


@dataclass(frozen=True)
class Mail:
    sender: str
    subject: str
    day: int


def threads(mails):
    """Return {base subject: mails of the thread, oldest first}."""
    groups = {}
    for mail in sorted(mails, key=lambda mail: mail.day):
        groups.setdefault(base_subject(mail.subject), []).append(mail)
    return groups


def unanswered(mails):
    """Return the subjects of threads in which nobody replied."""
    return [
        subject
        for subject, group in threads(mails).items()
        if not any(is_reply(mail.subject) for mail in group)
    ]
