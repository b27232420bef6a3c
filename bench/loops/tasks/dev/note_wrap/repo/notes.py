"""Plain-text notes: wrapping with a hanging indent, bullets, boxes."""


def wrap(text, width, indent=""):
    """Break text into lines of at most `width` characters.

    The second and later lines begin with `indent`, which counts towards the width.
    A word that is longer than a line gets a line of its own.
    """
    lines = []
    current = ""
    for word in text.split():
        if not current:
            current = word
            continue
        prefix = indent if lines else ""
        if len(current) + 1 + len(word) <= width:
            current += " " + word
        else:
            lines.append(prefix + current)
            current = word
    if current:
        lines.append((indent if lines else "") + current)
    return lines


def bullets(items, width):
    """Return items as a wrapped list."""
    lines = []
    for item in items:
        lines.extend(wrap("- " + item, width, indent="  "))
    return lines


def box(lines):
    """Draw a frame around lines."""
    inner = max((len(line) for line in lines), default=0)
    rule = "+" + "-" * (inner + 2) + "+"
    body = [f"| {line.ljust(inner)} |" for line in lines]
    return [rule, *body, rule]
