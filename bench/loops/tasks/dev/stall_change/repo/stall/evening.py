"""Close the stall in the evening."""

from stall.drawer import amount, take_out

ROLLS = {1: 50, 2: 50, 5: 50, 10: 40, 20: 40, 50: 40, 100: 25, 200: 25}


def takings(morning, evening):
    """Return what came in over the day, in cents."""
    return amount(evening) - amount(morning)


def full_rolls(drawer):
    """Return {coin: rolls} of the coins that fill at least one roll."""
    rolls = {coin: count // ROLLS[coin] for coin, count in drawer.items()}
    return {coin: count for coin, count in rolls.items() if count}


def without_rolls(drawer):
    """Return the drawer after the full rolls went to the bank."""
    return take_out(drawer, {coin: n * ROLLS[coin] for coin, n in full_rolls(drawer).items()})


def euros(cents):
    """Return an amount as text: '12.05'."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02}"
