"""The fastest way from hut to hut."""

from heapq import heappop, heappush
from typing import NamedTuple

from trails.paths import Network


class Way(NamedTuple):
    minutes: int
    huts: tuple[str, ...]

    def __str__(self) -> str:
        hours, rest = divmod(self.minutes, 60)
        return f"{' > '.join(self.huts)} ({hours}:{rest:02})"


def fastest(network: Network, start: str, goal: str) -> Way:
    """Return the fastest way; raises LookupError where there is none."""
    if start not in network or goal not in network:
        raise LookupError(f"no hut {goal if start in network else start}")
    waiting = [Way(0, (start,))]
    reached: set[str] = set()
    while waiting:
        way = heappop(waiting)
        hut = way.huts[-1]
        if hut == goal:
            return way
        if hut in reached:
            continue
        reached.add(hut)
        for there, time in network[hut].items():
            if there not in reached:
                heappush(waiting, Way(way.minutes + time, (*way.huts, there)))
    raise LookupError(f"no way from {start} to {goal}")


def within(network: Network, start: str, limit: int) -> list[str]:
    """Return the other huts that can be reached in some minutes, the nearest first."""
    found = []
    for hut in network.keys() - {start}:
        try:
            way = fastest(network, start, hut)
        except LookupError:
            continue
        if way.minutes <= limit:
            found.append((way.minutes, hut))
    return [hut for _, hut in sorted(found)]
