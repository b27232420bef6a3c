"""Search files line by line: a script for a process of its own, so that it can be ended.

A pattern can keep `re` busy for ever, and a thread cannot be stopped. Called with the pattern;
file names come on stdin, separated by NUL. Matches go to stdout as ripgrep writes them with
`--null`: `PATH NUL LINE:TEXT`.
"""

from __future__ import annotations

import os
import re
import sys

_FILE_LIMIT_BYTES = 8 << 20
_LINE_LIMIT = 2000
_PER_FILE = 50


def _search(pattern: re.Pattern[str], name: bytes) -> None:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW)  # a link may leave the workspace
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(_FILE_LIMIT_BYTES)
    except OSError:
        return  # gone or unreadable: nothing to find in it
    if b"\0" in data:
        return
    found = 0
    for number, line in enumerate(data.decode(errors="replace").split("\n"), 1):
        if found < _PER_FILE and pattern.search(line[:_LINE_LIMIT]):
            found += 1
            record = f"{number}:{line}\n".encode()
            sys.stdout.buffer.write(name + b"\0" + record)


def main(pattern: str) -> None:
    """Search the files that stdin names for `pattern`."""
    compiled = re.compile(pattern)
    for name in sys.stdin.buffer.read().split(b"\0"):
        if name:
            _search(compiled, name)


if __name__ == "__main__":
    main(sys.argv[1])
