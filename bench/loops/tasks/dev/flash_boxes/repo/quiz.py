"""Ask cards and move them between the boxes."""

from timetable import REST_DAYS, due, due_cards

LEECH_SLIPS = 4


class Quiz:
    def __init__(self, cards, today):
        self.cards = cards
        self.today = today

    def round(self, size=20):
        """Return the cards of the next round."""
        return due_cards(self.cards, self.today)[:size]

    def answer(self, card, text):
        """Check an answer, move the card and return the day on which it comes back."""
        if card.matches(text):
            card.box += 1
        else:
            card.slips += 1
            card.box = max(card.box - 2, 0)
        card.seen = self.today
        return due(card)

    def leeches(self):
        """Return the fronts of cards that are forgotten again and again."""
        return [card.front for card in self.cards if card.slips >= LEECH_SLIPS]

    def progress(self):
        """Return how much of the way to the last box is done, from 0 to 1."""
        last = len(REST_DAYS) - 1
        return sum(card.box for card in self.cards) / (last * len(self.cards))
