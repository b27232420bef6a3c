"""A leg of darts: from 501 down to zero, and the last dart has to be a double."""

START = 501
FACTORS = {"S": 1, "D": 2, "T": 3}


class NoThrow(ValueError):
    """A throw that does not exist on a dart board."""


def visit_points(throws):
    """Return the points of up to three throws such as 'T20', 'D8', '5', 'BULL' or 'MISS'."""
    if len(throws) > 3:
        raise NoThrow("a visit has three darts")
    total = 0
    for throw in throws:
        name = throw.strip().upper()
        if name == "MISS":
            value = 0
        elif name == "BULL":
            value = 50
        else:
            factor = FACTORS.get(name[:1], 1)
            number = int(name.lstrip("SDT"))
            if number not in range(1, 21) and (number, factor) != (25, 1):
                raise NoThrow(throw)
            value = factor * number
        total += value
    return total


def is_double(throw):
    """Tell whether a throw may end a leg."""
    name = throw.strip().upper()
    return name == "BULL" or name.startswith("D")


def is_checkout(left, throws):
    """Tell whether the throws bring a player from `left` to zero with a double at the end."""
    for throw in throws:
        name = throw.strip().upper()
        if name == "MISS":
            value = 0
        elif name == "BULL":
            value = 50
        else:
            factor = FACTORS.get(name[:1], 1)
            number = int(name.lstrip("SDT"))
            if number not in range(1, 21) and (number, factor) != (25, 1):
                raise NoThrow(throw)
            value = factor * number
        left -= value
        if left <= 1:
            return left == 0 and is_double(throw)
    return False
