"""The chapters of the staff handbook, which is written in plain text with # headings."""

import re
from dataclasses import dataclass, field

HEADING = re.compile(r"(?P<marks>#{1,4}) +(?P<title>.*?)(?: +\{(?P<flags>[\w ,]+)\})? *")
FENCE = re.compile(r" {0,3}(?P<marks>```|~~~)")


@dataclass
class Chapter:
    level: int
    title: str
    line: int
    flags: set[str] = field(default_factory=set)


def chapters(text):
    """Yield the chapters of a text in their order. Headings within code are none."""
    in_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line):
            in_code = not in_code
            continue
        if in_code:
            continue
        heading = HEADING.fullmatch(line)
        if heading:
            flags = set(re.findall(r"\w+", heading["flags"] or ""))
            yield Chapter(len(heading["marks"]), heading["title"], number, flags)
