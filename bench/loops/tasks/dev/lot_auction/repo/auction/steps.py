"""By how much the next bid has to be higher."""

from bisect import bisect_right

# from this amount on: the step, in whole euros
STEPS = [(0, 5), (100, 10), (500, 25), (1000, 50), (5000, 250)]


def step_for(amount: int) -> int:
    """Return the step above an amount."""
    place = bisect_right([start for start, _ in STEPS], amount)
    return STEPS[place - 1][1]
