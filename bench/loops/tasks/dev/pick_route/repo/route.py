"""The way of the picker through the hall.

The aisles lie side by side. The first one is walked away from the packing table, the next one
back towards it, and so on.
"""

from collections import defaultdict

from orders import collect

BAY_M = 1.2
AISLE_M = 3.5


def by_aisle(bins):
    """Return {aisle: its bins}, the aisles from left to right."""
    groups = defaultdict(list)
    for place in bins:
        groups[place.aisle].append(place)
    return dict(sorted(groups.items()))


def route(bins):
    """Return the bins in the order in which they are picked; in a bay the low shelf first."""
    stops = []
    for aisle, places in by_aisle(bins).items():
        away = -1 if aisle % 2 else 1
        stops += sorted(places, key=lambda place: (away * place.bay, place.shelf))
    return stops


def metres(stops):
    """Return the length of the way from the first stop to the last."""
    total = 0.0
    for here, there in zip(stops, stops[1:]):
        total += BAY_M * abs(here.bay - there.bay) + AISLE_M * abs(here.aisle - there.aisle)
    return round(total, 1)


def pick_list(lines):
    """Return the printed list for order lines: the stops with their pieces, then the way."""
    wanted = collect(lines)
    stops = route(wanted)
    rows = [f"[ ] {place}  {wanted[place]:>3}" for place in stops]
    return "\n".join([*rows, f"{metres(stops):g} m"])
