"""Is there enough time to change?"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from itinerary.airports import EXTRA_MINUTES
from itinerary.legs import Leg

DOMESTIC_MINUTES = 40
BORDER_MINUTES = 75
LONGEST_CHANGE = timedelta(hours=24)


class Problem(NamedTuple):
    at: str
    text: str


def minutes_needed(arriving: Leg, departing: Leg) -> int:
    """Return how long a change between two flights takes at least."""
    with_border = arriving.international and departing.international
    minutes = BORDER_MINUTES if with_border else DOMESTIC_MINUTES
    return minutes + EXTRA_MINUTES.get(arriving.destination, 0)


def check(legs: list[Leg]) -> Iterator[Problem]:
    """Yield what is wrong with the changes of a journey, in their order."""
    for arriving, departing in pairwise(legs):
        at = arriving.destination
        if departing.origin != at:
            yield Problem(at, f"{departing.number} leaves from {departing.origin}")
            continue
        change = departing.departs - arriving.arrives
        needed = timedelta(minutes=minutes_needed(arriving, departing))
        if change < needed:
            minutes = change // timedelta(minutes=1)
            yield Problem(at, f"{minutes} minutes, {minutes_needed(arriving, departing)} needed")
        elif change > LONGEST_CHANGE:
            yield Problem(at, "more than a day; that is a stay")
