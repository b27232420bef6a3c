"""The drawer: a dict of coins in cents and how many there are."""

COINS = (1, 2, 5, 10, 20, 50, 100, 200)


class NoChange(Exception):
    """The coins in the drawer do not add up to what is asked for."""


def amount(drawer):
    """Return the cents in a drawer."""
    return sum(coin * count for coin, count in drawer.items())


def put_in(drawer, coins):
    """Return a drawer with some more coins in it."""
    unknown = set(coins) - set(COINS)
    if unknown:
        raise ValueError(f"no such coin: {min(unknown)}")
    return {
        coin: drawer.get(coin, 0) + coins.get(coin, 0)
        for coin in COINS
        if coin in drawer or coin in coins
    }


def take_out(drawer, coins):
    """Return a drawer without some coins; those that are used up are gone from it."""
    left = dict(drawer)
    for coin, count in coins.items():
        if left.get(coin, 0) < count:
            raise NoChange(f"only {left.get(coin, 0)} of {coin}")
        left[coin] -= count
    return {coin: count for coin, count in left.items() if count}
