"""Orders against several shelves."""

from warehouse.lots import NotEnough


def value(shelf):
    """Return what the goods of a shelf cost, in cents."""
    return sum(lot.quantity * lot.cents_each for lot in shelf.lots)


def fulfil(shelves, order):
    """Take all articles of an order; return (taken, missing articles)."""
    taken = {}
    missing = []
    for article, quantity in order.items():
        try:
            taken[article] = shelves[article].take(quantity)
        except (KeyError, NotEnough):
            missing.append(article)
    return taken, missing
