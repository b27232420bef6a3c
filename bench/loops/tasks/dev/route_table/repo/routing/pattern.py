"""Path patterns such as "/shop/{city}/items"."""

import re

HOLE = re.compile(r"\{(\w+)\}")


def compile_pattern(pattern):
    """Return a regular expression for a path pattern; holes become named groups."""
    parts = []
    end = 0
    for hole in HOLE.finditer(pattern):
        parts.append(re.escape(pattern[end : hole.start()]))
        parts.append(f"(?P<{hole.group(1)}>[^/]+)")
        end = hole.end()
    parts.append(re.escape(pattern[end:]))
    return re.compile("".join(parts))


def specificity(pattern):
    """Return a sort key: fewer holes first, then longer patterns."""
    return (len(HOLE.findall(pattern)), len(pattern))
