"""Rules that say into which folder a mail goes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailbox_rules.message import Message

LINE = re.compile(r'(?P<field>\w[\w-]*) (?P<how>has|is) "(?P<text>[^"]*)" -> (?P<folder>.+)')


@dataclass(frozen=True)
class Rule:
    """`field` is a header or `body`; case does not matter."""

    field: str
    how: str
    text: str
    folder: str

    def matches(self, message: Message) -> bool:
        value = message.body if self.field == "body" else message.header(self.field)
        if self.how == "is":
            return value.strip().lower() == self.text.lower()
        return self.text.lower() in value.lower()


def read_rules(lines: Iterable[str]) -> list[Rule]:
    """Return the rules of lines such as: subject has "board" -> Board"""
    rules = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"line {number}: not a rule")
        rules.append(Rule(**match.groupdict()))
    return rules


def folder_for(message: Message, rules: Sequence[Rule]) -> str:
    """Return the folder of the first rule that matches, else the inbox."""
    return next((rule.folder for rule in rules if rule.matches(message)), "Inbox")
