"""Games between members; somebody has the white pieces, somebody the black ones."""

POINTS = {"1-0": (2, 0), "0-1": (0, 2), "draw": (1, 1)}


def pair_key(one, other):
    """Return the key under which games of two members are counted, whoever had white."""
    return (one, other)


def points(result):
    """Return the points of white and of black."""
    if result not in POINTS:
        raise ValueError(f"unknown result {result!r}")
    return POINTS[result]
