"""File a heap of mails."""

from collections.abc import Iterable, Sequence

from mailbox_rules.message import parse_message
from mailbox_rules.rules import Rule, folder_for


def file_all(texts: Iterable[str], rules: Sequence[Rule]) -> dict[str, list[str]]:
    """Return {folder: subjects}, folders in alphabetical order."""
    folders: dict[str, list[str]] = {}
    for text in texts:
        message = parse_message(text)
        subject = message.header("subject") or "(no subject)"
        folders.setdefault(folder_for(message, rules), []).append(subject)
    return dict(sorted(folders.items()))
