"""A garden bed as a grid of plants: rows from north to south, columns from west to east."""

FRIENDS = {("bean", "corn"), ("carrot", "onion"), ("basil", "tomato")}


def parse(text):
    """Read a bed: one row per line, plants separated by blanks."""
    return [line.split() for line in text.strip().splitlines()]


def row(bed, number):
    """Return the plants of a row."""
    return bed[number]


def column(bed, number):
    """Return the plants of a column."""
    return [bed[index][number] for index in range(len(bed))]


def neighbours(bed, y, x):
    """Return the plants north, west, east and south of a place."""
    found = []
    for down, right in ((-1, 0), (0, -1), (0, 1), (1, 0)):
        if 0 <= y + down < len(bed) and 0 <= x + right < len(bed[0]):
            found.append(bed[y + down][x + right])
    return found


def is_friend(one, other):
    """Tell whether two plants do each other good."""
    return (min(one, other), max(one, other)) in FRIENDS


def happy(bed):
    """Return how many places have a friend next to them."""
    return sum(
        any(is_friend(plant, other) for other in neighbours(bed, y, x))
        for y, plants in enumerate(bed)
        for x, plant in enumerate(plants)
    )


def uniform_columns(bed):
    """Return the numbers of the columns that hold one kind of plant only."""
    return [x for x in range(len(bed[0])) if len(set(column(bed, x))) == 1]
