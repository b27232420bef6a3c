"""Chapter numbers like 2.1.3; chapters with the flag `plain` have none."""

from handbook.outline import chapters


def numbered(text):
    """Yield (number, chapter) of all chapters."""
    counters = []
    for chapter in chapters(text):
        if "plain" in chapter.flags:
            yield "", chapter
            continue
        del counters[chapter.level :]
        counters += [0] * (chapter.level - len(counters))
        counters[-1] += 1
        yield ".".join(map(str, counters)), chapter


def contents(text, depth=2):
    """Return the table of contents down to a level."""
    return "\n".join(
        "   " * (chapter.level - 1) + f"{number} {chapter.title}".strip()
        for number, chapter in numbered(text)
        if chapter.level <= depth and "hidden" not in chapter.flags
    )


def find(text, number):
    """Return the line where a numbered chapter begins."""
    for candidate, chapter in numbered(text):
        if candidate == number:
            return chapter.line
    raise KeyError(number)
