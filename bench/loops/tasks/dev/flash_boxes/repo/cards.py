"""Vocabulary cards and the file they are kept in."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from datetime import date


@dataclass
class Card:
    front: str
    back: str
    box: int = 0
    seen: date | None = None
    slips: int = 0

    def matches(self, answer):
        """Tell whether an answer is right; one of several meanings is enough."""
        meanings = (meaning.strip().casefold() for meaning in self.back.split("/"))
        return answer.strip().casefold() in meanings


def load(text):
    """Read cards from CSV with a header; missing columns have their defaults."""
    cards = []
    for row in csv.DictReader(io.StringIO(text)):
        card = Card(row["front"], row["back"])
        card.box = int(row.get("box") or 0)
        card.slips = int(row.get("slips") or 0)
        if row.get("seen"):
            card.seen = date.fromisoformat(row["seen"])
        cards.append(card)
    return cards


def dump(cards):
    """Write cards as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Card)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(card) for card in cards)
    return out.getvalue()
