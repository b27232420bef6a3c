"""What a customer buys. Prices are cents."""

from collections import namedtuple

Article = namedtuple("Article", "name price vat")


class Basket:
    """Articles in the order in which they were scanned."""

    def __init__(self):
        self.lines = []

    def scan(self, article, count=1):
        """Add an article; the same article scanned twice in a row becomes one line."""
        if self.lines and self.lines[-1][0] == article:
            count += self.lines.pop()[1]
        self.lines.append((article, count))

    def void(self, article):
        """Take one piece of an article back."""
        for index in range(len(self.lines) - 1, -1, -1):
            found, count = self.lines[index]
            if found != article:
                continue
            if count == 1:
                del self.lines[index]
            else:
                self.lines[index] = (found, count - 1)
            return
        raise LookupError(f"{article.name} was not scanned")

    def total(self):
        return sum(article.price * count for article, count in self.lines)

    def vat(self):
        """Return {rate in percent: tax in cents}, which the prices contain."""
        gross = {}
        for article, count in self.lines:
            gross[article.vat] = gross.get(article.vat, 0) + article.price * count
        return {rate: round(cents * rate / (100 + rate)) for rate, cents in sorted(gross.items())}
