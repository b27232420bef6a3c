"""The queue at the quay."""


def board(deck, queue):
    """Load a queue in order; returns the vehicles that stay behind."""
    return [vehicle for vehicle in queue if deck.load(vehicle) is None]


def manifest(deck):
    """Return one line per lane."""
    return [
        f"{number}: {' '.join(v.plate for v in lane.vehicles) or '-'}"
        for number, lane in enumerate(deck.lanes, start=1)
    ]
