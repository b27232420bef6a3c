"""Result lists."""

from itertools import groupby

from boulder.card import parse_card
from boulder.score import Score


def ranking(lines):
    """Return [(place, name, score)]; equal climbers share a place, the next one is left out."""
    scores = []
    for line in lines:
        name, entries = parse_card(line)
        scores.append((name, Score.of(entries)))
    scores.sort(key=lambda item: item[0])
    scores.sort(key=lambda item: item[1].key(), reverse=True)
    result = []
    for _, group in groupby(scores, key=lambda item: item[1].key()):
        place = len(result) + 1
        result += [(place, name, score) for name, score in group]
    return result


def finalists(lines, places=6):
    """Return who is in the final: the first places, and everybody who shares the last one."""
    return [name for place, name, _ in ranking(lines) if place <= places]


def as_table(lines):
    return "\n".join(f"{place:>2}. {name:<16}{score}" for place, name, score in ranking(lines))
