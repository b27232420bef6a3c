"""Mails as text: headers, an empty line, the body."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """A mail; the names of its headers are in lower case."""

    headers: dict[str, str]
    body: str

    def header(self, name: str) -> str:
        """Return a header, empty if the mail has none of that name."""
        return self.headers.get(name.lower(), "")


def parse_message(text: str) -> Message:
    """Read a mail. Long headers go on in indented lines; of equal ones the first counts."""
    head, _, body = text.lstrip("\n").partition("\n\n")
    unfolded: list[str] = []
    for line in head.splitlines():
        if line.startswith((" ", "\t")) and unfolded:
            unfolded[-1] += " " + line.strip()
        else:
            unfolded.append(line)
    headers: dict[str, str] = {}
    for line in unfolded:
        name, _, value = line.rpartition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Message(headers, body)
