"""Lines such as `2026-02-11T08:14:03 - WARN - gateway - disk at 91%`."""

from dataclasses import dataclass
from datetime import datetime

SEPARATOR = " - "
LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")


@dataclass(frozen=True)
class Entry:
    time: datetime
    level: str
    source: str
    message: str


def parse_line(line):
    """Read one line; None for a line that is not a log entry."""
    if line.count(SEPARATOR) < 3:
        return None
    stamp, level, source, message = line.rstrip("\n").split(SEPARATOR, 3)
    if level not in LEVELS:
        return None
    return Entry(datetime.fromisoformat(stamp), level, source.strip(), message.strip())


def parse_lines(lines):
    """Yield the entries of a log; other lines continue the message before them."""
    current = None
    for line in lines:
        entry = parse_line(line)
        if entry is None:
            if current is not None:
                text = f"{current.message}\n{line.rstrip()}"
                current = Entry(current.time, current.level, current.source, text)
            continue
        if current is not None:
            yield current
        current = entry
    if current is not None:
        yield current
