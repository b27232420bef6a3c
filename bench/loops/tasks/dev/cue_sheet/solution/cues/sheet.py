"""Cue sheets of a theatre: blocks of `key: value` lines, with an empty line between them.

    cue: LX 12
    at: curtain
    fade: 4.5
    note: warm wash,
      slowly from the left
"""

from cues.cue import Cue


class SheetError(ValueError):
    """A sheet that cannot be read."""


def fields(lines):
    """Yield (key, value) for each entry and None for each empty line.

    An indented line goes on with the value before it.
    """
    entry = None
    for number, line in enumerate(lines, start=1):
        if line.startswith((" ", "\t")) and line.strip():
            if entry is None:
                raise SheetError(f"line {number}: nothing to go on with")
            entry = (entry[0], f"{entry[1]} {line.strip()}")
            continue
        if entry is not None:
            yield entry
            entry = None
        if not line.strip():
            yield None
            continue
        key, colon, value = line.partition(":")
        if not colon:
            raise SheetError(f"line {number}: no colon in {line.strip()!r}")
        entry = (key.strip().lower(), value.strip())
    if entry is not None:
        yield entry


def read_cues(text):
    """Return the cues of a sheet in their order."""
    cues = []
    block = {}
    for entry in fields(text.splitlines()):
        if entry is not None:
            key, value = entry
            block[key] = value
            continue
        if block:
            cues.append(Cue.from_block(block))
            block = {}
    if block:
        cues.append(Cue.from_block(block))
    return cues
