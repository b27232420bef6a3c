"""Change ringing: a row is the order in which the bells of a tower ring, 1 is the lightest."""

NAMES = {5: "Doubles", 6: "Minor", 7: "Triples", 8: "Major"}


def rounds(bells):
    """Return the row that everything begins and ends with."""
    return list(range(1, bells + 1))


def stage(row):
    """Return what ringing with as many bells is called."""
    return NAMES.get(len(row), f"{len(row)} bells")


def swap(row, place):
    """Return a row in which the bells at a place and the next one have changed places."""
    return row[: place - 1] + [row[place], row[place - 1]] + row[place + 1 :]


def call(row, places):
    """Return the row after swaps at several places, one after the other."""
    for place in places:
        row = swap(row, place)
    return row


def place_of(row, bell):
    """Return the place of a bell, counted from 1."""
    return row.index(bell) + 1


def is_true(rows):
    """Tell whether no row is rung twice; coming back to rounds at the end is fine."""
    inner = [tuple(row) for row in rows[:-1]]
    return len(set(inner)) == len(inner)


def moved(before, after):
    """Return the bells that are at another place after a change, in the order of `before`."""
    return [bell for bell, other in zip(before, after) if bell != other]
