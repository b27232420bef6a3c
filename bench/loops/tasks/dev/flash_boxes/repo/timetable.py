"""When a card is asked again."""

from datetime import timedelta

# days that a card rests in each box
REST_DAYS = (0, 1, 3, 8, 21)


def due(card):
    """Return the day on which a card is due, None for one that was never asked."""
    if card.seen is None:
        return None
    return card.seen + timedelta(days=REST_DAYS[card.box])


def due_cards(cards, today):
    """Return the cards to ask today: first those that wait longest, new ones at the end."""
    known = [card for card in cards if card.seen is not None and due(card) <= today]
    known.sort(key=due)
    return known + [card for card in cards if card.seen is None]
